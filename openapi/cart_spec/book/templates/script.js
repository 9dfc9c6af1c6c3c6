// Answers "what happens if ...": searches the page for each word of the question, or a synonym. Rare
// words weigh more, and so do a rule's condition and answer. Without scripts the page is complete, but
// cannot be searched.
(() => {
  const synonyms = JSON.parse(document.getElementById('synonyms').textContent);
  const skipped = new Set(('what happens happen if when does do is are be a an the i my we you in on ' +
    'to of for with and or by at it its that this there get gets got try use want can may not no has ' +
    'have send sends sent one used instead').split(' '));
  const absent = /(does not|doesn.?t|do not|don.?t|did not|didn.?t) exist|(is not|isn.?t|are not) there|no such|unknown|nonexistent/g;
  const normal = text => text.toLowerCase().replace(absent, ' nosuch ').replace(/\s+/g, ' ');
  const form = document.querySelector('.find form');
  const hits = document.querySelector('.hits');
  const filters = ['level', 'operation', 'status'];
  const items = [...document.querySelectorAll('[data-find]')].map(node => ({
    node,
    heavy: ' ' + normal(node.dataset.find),
    light: ' ' + normal(node.textContent),
  }));
  const stem = word => word.length > 4 ? word.replace(/(ations?|ing|ies|es|ed|s|e)$/, '') : word;
  const holds = (text, word) => new RegExp('[^a-z0-9]' + word.replace(/[^\p{L}\p{N} ]/gu, '.'), 'u').test(text);
  const asked = () => normal(form.elements.words.value).split(/[^\p{L}\p{N}]+/u)
    .filter(word => word && !skipped.has(word))
    .map(word => [stem(word), ...(synonyms[word] || '').split(',').filter(Boolean)]);
  const scores = words => {
    const total = items.map(() => 0), met = items.map(() => 0);
    for (const forms of words) {
      const weights = items.map(item => forms.some(each => holds(item.heavy, each)) ? 4
        : forms.some(each => holds(item.light, each)) ? 1 : 0);
      const rarity = Math.log(1 + items.length / (1 + weights.filter(Boolean).length));
      weights.forEach((weight, index) => { total[index] += weight * rarity; met[index] += weight > 0; });
    }
    return total.map((score, index) => met[index] * 2 >= words.length ? score : 0);
  };
  const passes = node => filters.every(name => {
    const wanted = form.elements[name].value;
    return !wanted || (node.dataset[name] || '').split(' ').includes(wanted);
  });
  const list = found => {
    hits.replaceChildren(...found.slice(0, 6).map(item => {
      const hit = document.createElement('li'), link = document.createElement('a');
      const answer = item.node.querySelector('.answer');
      link.href = '#' + item.node.id;
      link.textContent = item.node.querySelector('.condition').textContent;
      hit.append(link);
      if (answer) hit.append(answer.cloneNode(true));
      return hit;
    }));
  };
  const apply = () => {
    const words = asked();
    const active = words.length > 0 || filters.some(name => form.elements[name].value);
    const scored = words.length ? scores(words) : items.map(() => 1);
    items.forEach((item, index) => { item.score = passes(item.node) ? scored[index] : 0; });
    const best = Math.max(0, ...items.map(item => item.score));
    for (const item of items) {
      item.shown = !active || (item.score > 0 && item.score >= best * 0.5);
      item.node.classList.toggle('hidden', !item.shown);
    }
    for (const group of document.querySelectorAll('[data-group]')) {
      group.classList.toggle('hidden', active && !group.querySelector('[data-find]:not(.hidden)'));
    }
    const found = items.filter(item => item.shown);
    list(words.length ? found.filter(item => item.node.id).sort((a, b) => b.score - a.score) : []);
    form.querySelector('output').textContent = !active ? ''
      : found.length ? `${found.length} found` : 'Nothing found. Try fewer or other words.';
    document.body.classList.toggle('searching', active);
    const top = document.querySelector('header.top').offsetHeight;
    if (active && scrollY > top) scrollTo({top});
  };
  // Phones have no key to press.
  if (matchMedia('(hover: hover)').matches) form.elements.words.placeholder += ' (press /)';
  form.addEventListener('input', apply);
  form.addEventListener('submit', event => event.preventDefault());
  document.addEventListener('keydown', event => {
    if (event.key === '/' && !/INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) {
      event.preventDefault();
      form.elements.words.focus();
    }
    if (event.key === 'Escape') { form.reset(); apply(); }
  });
  // A link into what the filter hides shows it again.
  addEventListener('hashchange', () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.closest('.hidden')) { form.reset(); apply(); target.scrollIntoView(); }
  });
  const unfold = open => document.querySelectorAll('.rule > details').forEach(each => { each.open = open; });
  addEventListener('beforeprint', () => unfold(true));
  addEventListener('afterprint', () => unfold(false));
  form.elements.words.value = new URLSearchParams(location.search).get('q') || '';
  apply();
})();
