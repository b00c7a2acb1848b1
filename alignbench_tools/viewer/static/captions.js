"use strict";
// The captions, and the questions asked of them: which match, and which words of a sentence are wrong.

const FACETS = ["captioner", "label", "type", "domain", "direction"];

class Captions {
  constructor(columns) {
    Object.assign(this, columns);
    this.size = this.captions.id.length;
    this.numbers = new Map(this.captions.id.map((id, number) => [id, number]));
  }

  get lowered() {
    return (this._lowered ??= this.sentences.text.map((text) => text.toLowerCase()));
  }

  sentencesOf(caption) {
    const [from, to] = [this.sentences.first[caption], this.sentences.first[caption + 1]];
    return Array.from({ length: to - from }, (_, offset) => from + offset);
  }

  // Captions with a sentence that has everything asked for; that sentence is a hit. `counts` says for each
  // option how many captions there would be with it as the only choice of its facet.
  find(chosen, text) {
    const { captioner, domain, direction } = this.captions;
    const { first, label, types } = this.sentences;
    const allowed = Object.fromEntries(FACETS.map((facet) => [facet, this.allowed(facet, chosen[facet])]));
    const [labelBits, typeBits] = [bits(allowed.label), chosen.type.size ? bits(allowed.type) : 0];
    const terms = searchTerms(text);
    const counts = Object.fromEntries(
      FACETS.map((facet) => [facet, new Uint32Array(this.names[facet].length)]),
    );
    const found = [];
    const hits = new Uint8Array(label.length);
    for (let caption = 0; caption < this.size; caption++) {
      const fits = {
        captioner: allowed.captioner[captioner[caption]],
        domain: allowed.domain[domain[caption]],
        direction: allowed.direction[direction[caption]],
      };
      const misses = 3 - fits.captioner - fits.domain - fits.direction;
      if (misses > 1) continue;
      let [labels, kinds, hit] = [0, 0, false];
      for (let sentence = first[caption]; sentence < first[caption + 1]; sentence++) {
        if (terms.length && !this.has(sentence, terms)) continue;
        const labelFits = (1 << label[sentence]) & labelBits;
        const typeFits = !typeBits || types[sentence] & typeBits;
        if (typeFits) labels |= 1 << label[sentence];
        if (labelFits) kinds |= types[sentence];
        if (labelFits && typeFits) hits[sentence] = hit = true;
      }
      if (misses === 0) {
        if (hit) found.push(caption);
        tally(counts.label, labels);
        tally(counts.type, kinds);
      }
      if (!hit) continue;
      if (misses === 0 || !fits.captioner) counts.captioner[captioner[caption]]++;
      if (misses === 0 || !fits.domain) counts.domain[domain[caption]]++;
      if (misses === 0 || !fits.direction) counts.direction[direction[caption]]++;
    }
    const narrowed = terms.length || chosen.label.size || chosen.type.size;
    return { found, hits: narrowed ? hits : null, counts, terms };
  }

  allowed(facet, names) {
    return this.names[facet].map((name) => (names.size === 0 || names.has(name) ? 1 : 0));
  }

  has(sentence, terms) {
    return terms.every((term) => this.lowered[sentence].includes(term));
  }
}

function bits(flags) {
  return flags.reduce((all, flag, code) => all | (flag << code), 0);
}

function tally(counts, codes) {
  for (let code = 0; codes; code++, codes >>>= 1) counts[code] += codes & 1;
}

function searchTerms(text) {
  const terms = text.toLowerCase().match(/"[^"]*"?|[^\s"]+/g) ?? [];
  return terms.map((term) => term.replaceAll('"', "")).filter((term) => term.trim());
}

// A sentence cut at the bounds of its spans: [{text, spans: those it is part of, last: those it ends}].
// Offsets count code points, as in the rows; JavaScript's own count UTF-16 units, two for an emoji.
function pieces(sentence, spans) {
  const points = Array.from(sentence);
  const cuts = [...new Set([0, points.length, ...spans.flatMap(([start, end]) => [start, end])])];
  cuts.sort((a, b) => a - b);
  return cuts.slice(1).map((end, place) => {
    const start = cuts[place];
    const covering = spans.filter((span) => span[0] <= start && span[1] >= end);
    return {
      text: points.slice(start, end).join(""),
      spans: covering,
      last: covering.filter((span) => span[1] === end),
    };
  });
}
