// Answers "what happens if ...": searches the page for each word of the question, or a synonym. Rare
// words weigh more, and so do a rule's condition, answer and status. Without scripts the page is
// complete, but cannot be searched.
(() => {
  const {phrases, synonyms} = JSON.parse(document.getElementById('words').textContent);
  const skipped = new Set(('what which why where happens happen if when does do did is are be am a an ' +
    'the i my me his her we you it its in on to of for with and or by at as from that this there get ' +
    'gets got try use want wants can could should may no not has have had send sends sent one used ' +
    'instead was were after only looks do need must mean means s t mine own am will would please about out who how we our ' +
    'they them he she than through very also just why').split(' '));
  const absent = /(does not|doesn.?t|do not|don.?t|did not|didn.?t) exist|(is not|isn.?t|are not) there|no such|unknown|nonexistent/g;
  const phrase = new RegExp('\\b(' + Object.keys(phrases).join('|') + ')\\b', 'g');
  const normal = text => text.toLowerCase().replace(/\b(some|any)body\b/g, '$1one').replace(absent, ' nosuch ')
    .replace(/\p{Extended_Pictographic}/gu, found => /[0-9©®™]/.test(found) ? found : ' symbol ').replace(/\s+/g, ' ');
  const form = document.querySelector('.find form');
  const hits = document.querySelector('.hits');
  const filters = ['level', 'operation', 'status'];
  // Examples are left out: nearly every word is in one of them.
  const about = node => [...node.querySelectorAll('.condition, .answer, dd')].map(each => each.textContent);
  const items = [...document.querySelectorAll('[data-find]')].map(node => ({
    node,
    statuses: (node.dataset.status || '').split(' '),
    heavy: ' ' + normal(node.dataset.find),
    everyday: ' ' + normal(node.dataset.words || ''),
    light: ' ' + normal(about(node).join(' ')),
  }));
  const ids = new Set(items.map(item => item.node.id));
  const twins = new Set([...ids].filter(id => id.includes('account')
    && (ids.has(id.replace('account', 'customer')) || ids.has(id.replace('-account', '')))));
  const stem = word => word.length > 4 ? word.replace(/(ations?|ing|ies|es|ed|s|e)$/, '') : word;
  // A word finds its synonyms in any of its forms; a number of things is several of them.
  const meanings = Object.fromEntries(Object.entries(synonyms).map(([word, forms]) => [stem(word), forms]));
  const several = /^([2-9]|[1-9][0-9])$/;
  const meant = word => synonyms[word] || meanings[stem(word)] || (several.test(word) ? synonyms.several : '');
  const holds = (text, word) => new RegExp('[^a-z0-9]' + word.replace(/[^\p{L}\p{N} ]/gu, '.'), 'u').test(text);
  const asked = () => normal(form.elements.words.value).replace(phrase, found => phrases[found])
    .split(/[^\p{L}\p{N}]+/u)
    .filter(word => word && !skipped.has(word))
    .map(word => ({word: stem(word), forms: [stem(word), ...meant(word).split(',').filter(Boolean)]}));
  const rarity = weights => Math.log(1 + items.length / (1 + weights.filter(Boolean).length));
  // The word itself counts more than a synonym, and each by how few rules it fits.
  const weigh = ({word, forms}) => {
    const own = items.map(item => item.statuses.includes(word) ? 8
      : holds(item.heavy, word) ? 5 : holds(item.everyday, word) ? 4 : 0);
    const meant = items.map(item => forms.some(each => holds(item.heavy, each)) ? 3
      : forms.some(each => holds(item.everyday, each)) ? 2 : forms.some(each => holds(item.light, each)) ? 1 : 0);
    const [rare, common] = [rarity(own), rarity(meant)];
    return {
      asked: meant.some(Boolean) || own.some(Boolean) ? common : 0,
      met: own.map((each, index) => each || meant[index] ? common : 0),
      scores: own.map((each, index) => Math.max(each * rare, meant[index] * common)),
    };
  };
  const scores = words => {
    const weighed = words.map(weigh);
    const sum = part => items.map((_, index) => weighed.reduce((total, each) => total + each[part][index], 0));
    const asked = weighed.reduce((total, each) => total + each.asked, 0);
    const met = sum('met');
    // People ask for rules, so that a rule goes before an operation that fits as well. A rule about
    // accounts that has a twin about customers goes after it, unless accounts are asked for.
    const ofAccounts = words.some(({word}) => /^(account|member|company|business)/.test(word));
    const factor = id => id.startsWith('operation-') || id.startsWith('disagreement-') ? 0.7
      : !ofAccounts && twins.has(id) ? 0.5 : 1;
    return sum('scores').map((score, index) => met[index] * 2.2 < asked ? 0
      : score * factor(items[index].node.id));
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
  const unfold = open => document.querySelectorAll('.rule details, .change').forEach(each => { each.open = open; });
  addEventListener('beforeprint', () => unfold(true));
  addEventListener('afterprint', () => unfold(false));
  form.elements.words.value = new URLSearchParams(location.search).get('q') || '';
  apply();
})();
