// Finds what a question is about: each word of it, or a word that means the same, in what stands on
// the page. Without script the page is whole and merely cannot be filtered.
(() => {
  const synonyms = JSON.parse(document.getElementById('synonyms').textContent);
  const skipped = new Set(('what happens happen if when does do is are be a an the i my we you in on ' +
    'to of for with and or by at it its that this there get gets got send sends sent try use want ' +
    'can may not no one').split(' '));
  const form = document.querySelector('.find form');
  const words = form.elements.words;
  const items = [...document.querySelectorAll('[data-find]')].map(node => ({
    node,
    heavy: node.dataset.find.toLowerCase(),
    light: node.textContent.toLowerCase(),
  }));
  const stem = word => word.length > 4 ? word.replace(/(ations?|ing|ies|es|ed|s|e)$/, '') : word;
  const holds = (text, word) => {
    const at = text.indexOf(word);
    return at >= 0 && (at === 0 || !/[a-z0-9]/.test(text[at - 1]) || text.includes(' ' + word));
  };
  const score = (item, asked) => {
    let total = 0, met = 0;
    for (const word of asked) {
      const forms = [stem(word), ...(synonyms[word] ? [synonyms[word]] : [])];
      const weight = forms.some(form => holds(item.heavy, form)) ? 3
        : forms.some(form => holds(item.light, form)) ? 1 : 0;
      total += weight;
      met += weight > 0;
    }
    return met >= Math.ceil(asked.length * 0.6) ? total : 0;
  };
  const passes = node => ['level', 'operation', 'status'].every(name => {
    const wanted = form.elements[name].value;
    return !wanted || (node.dataset[name] || '').split(' ').includes(wanted);
  });
  const apply = () => {
    const asked = words.value.toLowerCase().split(/[^\p{L}\p{N}]+/u)
      .filter(word => word && !skipped.has(word));
    const filtered = ['level', 'operation', 'status'].some(name => form.elements[name].value);
    const active = asked.length > 0 || filtered;
    const scores = items.map(item => passes(item.node) ? (asked.length ? score(item, asked) : 1) : 0);
    const best = Math.max(0, ...scores);
    let shown = 0;
    items.forEach((item, index) => {
      const visible = !active || (scores[index] > 0 && scores[index] >= best * 0.6);
      item.node.classList.toggle('hidden', !visible);
      shown += visible;
    });
    for (const group of document.querySelectorAll('[data-group]')) {
      const any = group.querySelector('[data-find]:not(.hidden)');
      group.classList.toggle('hidden', active && !any);
    }
    form.querySelector('output').textContent = !active ? ''
      : shown ? `${shown} found` : 'Nothing found. Try fewer or other words.';
  };
  form.addEventListener('input', apply);
  form.addEventListener('submit', event => event.preventDefault());
  document.addEventListener('keydown', event => {
    if (event.key === '/' && !/INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) {
      event.preventDefault();
      words.focus();
    }
    if (event.key === 'Escape') { form.reset(); apply(); }
  });
  // A link into what the filter hides shows it again.
  addEventListener('hashchange', () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.closest('.hidden')) { form.reset(); apply(); target.scrollIntoView(); }
  });
  const unfold = open => document.querySelectorAll('details').forEach(each => { each.open = open; });
  addEventListener('beforeprint', () => unfold(true));
  addEventListener('afterprint', () => unfold(false));
  document.documentElement.classList.add('scripted');
  const asked = new URLSearchParams(location.search).get('q');
  if (asked) words.value = asked;
  apply();
})();
