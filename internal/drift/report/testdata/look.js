// What a browser is asked about a page. Each function lists what is wrong.

var say = e => (e.tagName + "." + e.className + " " + (e.textContent || "").trim().slice(0, 60));
var shown = e => e.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true, opacityProperty: true }) &&
  getComputedStyle(e).clipPath === "none";
var rgb = c => (c.match(/[\d.]+/g) || []).map(Number);
var light = c => {
  const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
var ground = e => {
  for (; e; e = e.parentElement) {
    const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length === 3) return c;
    if (c[3] > 0) return null; // half transparent: not ours
  }
  return [255, 255, 255];
};
var all = selector => [...document.querySelectorAll(selector)];

// theme: the page follows what the reader prefers.
function theme(want) {
  const is = light(ground(document.body)) > 0.5 ? "light" : "dark";
  return is === want ? [] : [is];
}

// overflow: nothing is wider than the page, also when all is unfolded.
function overflow() {
  all("details").forEach(d => d.open = true);
  const width = document.documentElement.clientWidth;
  const wrong = all("body *").filter(e => shown(e) && e.getBoundingClientRect().right > width + 0.5).map(say);
  if (document.documentElement.scrollWidth > width) wrong.push(document.documentElement.scrollWidth + " of " + width + " px");
  return wrong;
}

// contrast: every text that shows has 4.5 to 1, as WCAG 2.1 counts it.
function contrast() {
  all("details").forEach(d => d.open = true);
  const wrong = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; (n = texts.nextNode());) {
    const e = n.parentElement;
    if (!n.data.trim() || !shown(e)) continue;
    const back = ground(e);
    if (!back) { wrong.push("not known: " + say(e)); continue; }
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) wrong.push(ratio.toFixed(2) + " " + say(e));
  }
  return wrong;
}

// headings: one of the first level, which begins, and none is skipped.
function headings() {
  const list = all("h1, h2, h3, h4, h5, h6");
  const wrong = [];
  let before = 0;
  for (const h of list) {
    const level = Number(h.tagName[1]);
    if (level > before + 1 || (level === 1 && before > 0)) wrong.push(say(h));
    before = level;
  }
  return list.length ? wrong : ["none"];
}

// tables: each has headers that say what they are of; what is drawn is told; no
// name is there twice.
function tables() {
  const wrong = all("table").filter(t => !t.querySelector("thead th")).map(say);
  wrong.push(...all("th").filter(h => !h.scope).map(say));
  wrong.push(...all("svg").filter(s => !s.getAttribute("aria-label") && s.getAttribute("aria-hidden") !== "true").map(say));
  const ids = all("[id]").map(e => e.id);
  wrong.push(...ids.filter((id, i) => ids.indexOf(id) !== i));
  if (!document.documentElement.lang) wrong.push("no language");
  return wrong;
}

// printed: nothing is folded away on paper, and no row of a table is cut.
function printed() {
  all("details").forEach(d => d.open = false);
  const wrong = all("details > :not(summary)").filter(e => !e.checkVisibility({ contentVisibilityAuto: true }) || e.getBoundingClientRect().height === 0).map(say);
  wrong.push(...all("tr").filter(r => getComputedStyle(r).breakInside !== "avoid").map(say));
  return wrong;
}
