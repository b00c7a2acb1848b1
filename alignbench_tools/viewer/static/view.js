"use strict";
// What is seen: filter menus, the list of captions, one caption. Texts of the data become text nodes, only.

const LABEL_MARKS = { correct: "✓", incorrect: "✕", unknown: "?" };
const FACET_TITLES = {
  captioner: "Captioner",
  label: "Label",
  type: "Type",
  domain: "Domain",
  direction: "Direction",
};
const DIRECTION_TITLES = { image_to_text: "image → text", text_to_image: "text → image" };

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child != null && child !== false));
  return made;
}

function title(facet, name) {
  if (facet === "direction") return DIRECTION_TITLES[name] ?? name;
  return name === "" ? "not given" : name;
}

function plural(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

function typeName(data, code) {
  return code < 0 ? "No type" : data.names.type[code];
}

// One menu per facet; `change(facet, name, on)` is called when an option is ticked.
function filterMenus(data, change) {
  return FACETS.map((facet) => {
    const options = data.names[facet].map((name) => {
      const box = element("input", {
        type: "checkbox",
        value: name,
        onchange: (event) => change(facet, name, event.target.checked),
      });
      const swatch =
        facet === "type" &&
        element("span", { class: "swatch", "data-type": name, "aria-hidden": "true" }, "ab");
      const mark = facet === "label" && labelMark(name);
      return element(
        "label",
        { class: "option" },
        box,
        swatch,
        mark,
        element("span", { class: "name" }, title(facet, name)),
        element("span", { class: "number" }),
      );
    });
    const summary = element(
      "summary",
      {},
      element("span", { class: "facet-title" }, FACET_TITLES[facet]),
      element("span", { class: "chosen" }),
    );
    return element(
      "details",
      { class: "filter", name: "filter", "data-facet": facet },
      summary,
      element("div", { class: "menu", role: "group", "aria-label": FACET_TITLES[facet] }, options),
    );
  });
}

function updateMenus(container, data, chosen, counts) {
  for (const menu of container.children) {
    const facet = menu.dataset.facet;
    const picked = data.names[facet].filter((name) => chosen[facet].has(name));
    menu.classList.toggle("active", picked.length > 0);
    const first = picked.length ? title(facet, picked[0]) : "";
    menu.querySelector(".chosen").textContent = picked.length > 1 ? `${first} +${picked.length - 1}` : first;
    menu.querySelectorAll(".option").forEach((option, code) => {
      option.querySelector("input").checked = chosen[facet].has(data.names[facet][code]);
      option.querySelector(".number").textContent = counts[facet][code].toLocaleString("en");
      option.classList.toggle("none", counts[facet][code] === 0);
    });
  }
}

function labelMark(label) {
  return element("span", { class: `mark ${label}`, "aria-hidden": "true" }, LABEL_MARKS[label]);
}

function labelCounts(data, caption) {
  const counts = new Map(data.names.label.map((name) => [name, 0]));
  for (const sentence of data.sentencesOf(caption)) {
    const name = data.names.label[data.sentences.label[sentence]];
    counts.set(name, counts.get(name) + 1);
  }
  return counts;
}

function countsText(data, caption) {
  const counts = labelCounts(data, caption);
  const named = ["correct", "incorrect", "unknown"].filter((name) => counts.get(name));
  return named.map((name) => `${counts.get(name)} ${name}`).join(", ");
}

// A bar per sentence, high where it is wrong: shape says it without colour.
function strip(data, caption) {
  const bars = data
    .sentencesOf(caption)
    .map((sentence) => element("i", { class: data.names.label[data.sentences.label[sentence]] }));
  return element("span", { class: "strip", role: "img", "aria-label": countsText(data, caption) }, bars);
}

function pictureUrl(data, caption) {
  const number = data.captions.picture[caption];
  if (number < 0) return null;
  return data.pictures ? data.pictures[number] : `pictures/${number}`;
}

function picture(data, caption, attributes) {
  const url = pictureUrl(data, caption);
  if (!url) return noPicture(attributes.class);
  const made = element("img", { src: url, decoding: "async", draggable: "false", ...attributes });
  made.addEventListener("error", () => made.replaceWith(noPicture(attributes.class)));
  return made;
}

function noPicture(kind) {
  return element(
    "span",
    { class: `${kind} no-picture` },
    kind === "large" ? "This picture is not here." : "",
  );
}

function captionerOf(data, caption) {
  return data.names.captioner[data.captions.captioner[caption]];
}

function row(data, caption, place, total, hits) {
  const all = data.sentencesOf(caption);
  const shown = (hits && all.find((sentence) => hits[sentence])) ?? all[0];
  const domain = data.names.domain[data.captions.domain[caption]];
  return element(
    "div",
    {
      class: "row",
      role: "option",
      id: `row-${caption}`,
      "aria-setsize": total,
      "aria-posinset": place + 1,
      "data-caption": caption,
    },
    picture(data, caption, { class: "thumb", alt: "", loading: "lazy" }),
    element(
      "div",
      { class: "row-text" },
      element(
        "div",
        { class: "row-head" },
        element("b", {}, captionerOf(data, caption)),
        element("span", { class: "muted" }, domain),
        strip(data, caption),
      ),
      element("p", { class: "excerpt" }, data.sentences.text[shown]),
    ),
  );
}

// Rows come and go as the list is scrolled: thousands of them would make every filter slow.
class List {
  constructor(container, open) {
    this.container = container;
    this.canvas = element("div", { class: "canvas", role: "presentation" });
    container.append(this.canvas);
    this.rows = new Map();
    this.found = [];
    container.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(container);
    container.addEventListener("click", (event) => {
      const clicked = event.target.closest(".row");
      if (clicked) open(Number(clicked.dataset.caption));
    });
  }

  get rowHeight() {
    return 5.5 * parseFloat(getComputedStyle(document.documentElement).fontSize);
  }

  show(data, result) {
    [this.data, this.found, this.hits] = [data, result.found, result.hits];
    this.canvas.replaceChildren();
    this.rows.clear();
    this.canvas.style.height = `${this.found.length * this.rowHeight}px`;
    this.container.scrollTop = 0;
    this.draw();
  }

  draw() {
    const { scrollTop, clientHeight } = this.container;
    const first = Math.max(0, Math.floor(scrollTop / this.rowHeight) - 3);
    const last = Math.min(this.found.length, Math.ceil((scrollTop + clientHeight) / this.rowHeight) + 3);
    for (const [place, made] of this.rows) {
      if (place < first || place >= last) {
        made.remove();
        this.rows.delete(place);
      }
    }
    for (let place = first; place < last; place++) {
      if (this.rows.has(place)) continue;
      const made = row(this.data, this.found[place], place, this.found.length, this.hits);
      made.style.top = `${place * this.rowHeight}px`;
      this.rows.set(place, made);
      this.canvas.append(made);
    }
    this.mark();
  }

  select(caption, reveal) {
    this.selected = caption;
    const place = this.found.indexOf(caption);
    if (reveal && place >= 0) {
      const [top, view] = [place * this.rowHeight, this.container];
      if (top < view.scrollTop) view.scrollTop = top;
      else if (top + this.rowHeight > view.scrollTop + view.clientHeight)
        view.scrollTop = top + this.rowHeight - view.clientHeight;
    }
    this.draw();
  }

  mark() {
    for (const made of this.rows.values())
      made.setAttribute("aria-selected", String(Number(made.dataset.caption) === this.selected));
    const id = `row-${this.selected}`;
    if (document.getElementById(id)) this.container.setAttribute("aria-activedescendant", id);
    else this.container.removeAttribute("aria-activedescendant");
  }
}
