"use strict";
// One caption: its picture, the caption as one text, and every sentence with what people said of it.

function captionView(data, caption, { place, result, wide, step, back, copy, zoom }) {
  const total = result.found.length;
  const where =
    place < 0
      ? "not among the found"
      : `${(place + 1).toLocaleString("en")} of ${total.toLocaleString("en")}`;
  const button = (label, text, act, off) =>
    element(
      "button",
      { type: "button", class: "icon", "aria-label": label, title: label, disabled: off, onclick: act },
      text,
    );
  const bar = element(
    "div",
    { class: "bar" },
    element("button", { type: "button", class: "plain back", onclick: back }, "‹ List"),
    element("span", { class: "where" }, where),
    button("Previous caption (k)", "↑", () => step(-1), place === 0),
    button("Next caption (j)", "↓", () => step(1), place >= 0 && place === total - 1),
    element("button", { type: "button", class: "plain", onclick: copy }, "Copy link"),
  );
  const judged = element(
    "section",
    { class: "judged", "aria-label": "Sentences" },
    element(
      "p",
      { class: "summary" },
      strip(data, caption),
      element(
        "span",
        {},
        `${plural(data.sentencesOf(caption).length, "sentence")}: ${countsText(data, caption)}`,
      ),
    ),
    element(
      "ol",
      { class: "sentences" },
      data.sentencesOf(caption).map((sentence) => sentenceView(data, sentence, result.hits?.[sentence])),
    ),
  );
  return element(
    "article",
    {},
    bar,
    heading(data, caption),
    element("div", { class: "columns" }, figure(data, caption, wide, zoom), judged),
  );
}

function heading(data, caption) {
  const { captions, names } = data;
  const facts = [
    title("direction", names.direction[captions.direction[caption]]),
    names.domain[captions.domain[caption]],
    names.source[captions.source[caption]],
  ];
  return element(
    "header",
    { class: "heading" },
    element("h1", {}, captionerOf(data, caption)),
    element(
      "ul",
      { class: "facts" },
      facts.filter(Boolean).map((fact) => element("li", {}, fact)),
    ),
    element("code", { class: "id" }, captions.id[caption]),
  );
}

function pictureText(data, caption) {
  const domain = data.names.domain[data.captions.domain[caption]];
  return `Picture ${data.captions.image[caption]}${domain ? ` (${domain})` : ""}, as described in the caption`;
}

function figure(data, caption, wide, zoom) {
  const url = data.captions.url[caption];
  const shown = picture(data, caption, { class: "large", alt: pictureText(data, caption) });
  const enlarge =
    shown.tagName === "IMG"
      ? element(
          "button",
          {
            type: "button",
            class: "enlarge",
            "aria-label": `Enlarge: ${pictureText(data, caption)}`,
            onclick: zoom,
          },
          shown,
        )
      : shown;
  const origin =
    /^https?:\/\//.test(url ?? "") &&
    element(
      "a",
      { href: url, target: "_blank", rel: "noopener noreferrer", class: "origin" },
      `Original at ${hostOf(url)}`,
    );
  const sentences = data
    .sentencesOf(caption)
    .flatMap((sentence) => [...sentenceText(data, sentence, false), " "]);
  return element(
    "figure",
    {},
    enlarge,
    element(
      "figcaption",
      {},
      origin,
      element(
        "details",
        { class: "whole", open: wide },
        element("summary", {}, "Caption as one text"),
        element("blockquote", {}, sentences),
      ),
    ),
  );
}

function hostOf(url) {
  try {
    return new URL(url).host;
  } catch {
    return "its address";
  }
}

function sentenceView(data, sentence, hit) {
  const { sentences, names } = data;
  const label = names.label[sentences.label[sentence]];
  const spanned = new Set(sentences.spans[sentence].map(([, , type]) => type));
  const rest = names.type.filter((_, code) => (sentences.types[sentence] >> code) & 1 && !spanned.has(code));
  return element(
    "li",
    { class: `sentence ${label}${hit ? " hit" : ""}`, "data-position": sentences.position[sentence] },
    element("div", { class: "verdict" }, labelMark(label), element("span", {}, label), votes(data, sentence)),
    element("p", { class: "text" }, sentenceText(data, sentence, true)),
    rest.length > 0 &&
      element(
        "p",
        { class: "rest" },
        rest.map((name) => element("span", { class: "tag", "data-type": name }, name)),
      ),
  );
}

// Text nodes, wrong words in <mark>; `tags` adds the type's name where a span ends.
function sentenceText(data, sentence, tags) {
  const { text, spans } = data.sentences;
  return pieces(text[sentence], spans[sentence]).flatMap((piece) => {
    if (!piece.spans.length) return [document.createTextNode(piece.text)];
    const type = typeName(data, piece.spans[0][2]);
    const names = piece.last.map((span) => typeName(data, span[2]));
    const made = [
      element(
        "mark",
        { "data-type": type, title: piece.spans.map((span) => typeName(data, span[2])).join(", ") },
        piece.text,
      ),
    ];
    if (tags) made.push(...names.map((name) => element("span", { class: "tag", "data-type": name }, name)));
    return made;
  });
}

function votes(data, sentence) {
  const counts = data.sentences.votes[sentence];
  if (!counts) return null;
  const { names } = data;
  const said = names.label.map((name, code) => [name, counts[code]]).filter(([, number]) => number);
  const marks = said.flatMap(([name, number]) => Array.from({ length: number }, () => labelMark(name)));
  const agreement = data.sentences.agreement[sentence];
  const text = `Votes: ${said.map(([name, number]) => `${number} ${name}`).join(", ") || "none"}`;
  return element(
    "span",
    {
      class: "votes",
      role: "img",
      "aria-label": text,
      title: agreement === null ? text : `${text}; agreement ${Math.round(agreement * 100)} %`,
    },
    marks,
  );
}

function nothingFound() {
  return element(
    "div",
    { class: "nothing" },
    element("p", {}, "No caption has a sentence with all of this."),
    element("p", { class: "muted" }, "Take a filter away, or search for fewer words."),
  );
}

function fillHelp(data) {
  const meanings = {
    correct: "what it says is in the picture",
    incorrect: "something in it is not so",
    unknown: "the votes do not decide",
  };
  document
    .getElementById("help-labels")
    .append(
      ...["correct", "incorrect", "unknown"].flatMap((name) => [
        element("dt", {}, labelMark(name), ` ${name}`),
        element("dd", {}, meanings[name]),
      ]),
    );
  document
    .getElementById("help-types")
    .append(
      ...data.names.type.map((name) => element("li", {}, element("mark", { "data-type": name }, name))),
    );
}

// Words searched for, marked by ranges: the wrong words' own marks stay whole.
function highlightTerms(place, terms) {
  if (!globalThis.CSS?.highlights) return;
  CSS.highlights.delete("found");
  if (!terms.length) return;
  const pattern = new RegExp(
    terms.map((term) => term.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|"),
    "giu",
  );
  const ranges = [...place.querySelectorAll(".sentence .text")].flatMap((text) =>
    rangesOf(pattern, textNodes(text)),
  );
  CSS.highlights.set("found", new Highlight(...ranges));
}

function textNodes(text) {
  const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT, (node) =>
    node.parentElement.matches(".tag") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
  );
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  return nodes;
}

function rangesOf(pattern, nodes) {
  const whole = nodes.map((node) => node.data).join("");
  return [...whole.matchAll(pattern)].map((match) => {
    const range = new Range();
    range.setStart(...placeAt(nodes, match.index));
    range.setEnd(...placeAt(nodes, match.index + match[0].length));
    return range;
  });
}

function placeAt(nodes, offset) {
  for (const node of nodes) {
    if (offset <= node.length) return [node, offset];
    offset -= node.length;
  }
  return [nodes.at(-1), nodes.at(-1).length];
}
