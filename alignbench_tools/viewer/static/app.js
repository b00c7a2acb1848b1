"use strict";
// What the reader wants to see, kept in the address; keyboard and clicks change it.

const narrow = matchMedia("(max-width: 760px)");
const wide = matchMedia("(min-width: 1080px)");
const byId = (id) => document.getElementById(id);

class App {
  constructor(data) {
    this.data = data;
    this.chosen = Object.fromEntries(FACETS.map((facet) => [facet, new Set()]));
    this.text = "";
    this.caption = null;
    this.list = new List(byId("list"), (caption) => this.open(caption));
    byId("filters").append(...filterMenus(data, (facet, name, on) => this.filter(facet, name, on)));
    byId("source").textContent =
      `${plural(data.size, "caption")}, ${plural(data.sentences.label.length, "sentence")} from ${data.source}`;
    fillHelp(data);
    this.listen();
    this.restore();
  }

  listen() {
    byId("search").addEventListener("input", (event) => {
      this.text = event.target.value;
      this.update();
      this.keep("replaceState");
    });
    byId("clear").addEventListener("click", () => this.clear());
    byId("home").addEventListener("click", (event) => {
      event.preventDefault();
      this.caption = null;
      this.clear();
    });
    byId("help-open").addEventListener("click", () => byId("help").showModal());
    byId("theme").addEventListener("click", switchTheme);
    window.addEventListener("popstate", () => this.restore());
    document.addEventListener("keydown", (event) => this.press(event));
    document.addEventListener("click", (event) => {
      for (const menu of document.querySelectorAll(".filter[open]"))
        if (!menu.contains(event.target)) menu.open = false;
    });
    for (const dialog of document.querySelectorAll("dialog")) {
      dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    }
  }

  filter(facet, name, on) {
    this.chosen[facet][on ? "add" : "delete"](name);
    this.update();
    this.keep("pushState");
  }

  clear() {
    for (const names of Object.values(this.chosen)) names.clear();
    this.text = byId("search").value = "";
    this.update();
    this.keep("pushState");
  }

  // The caption on show: the one asked for, else the first found.
  get shown() {
    return this.caption ?? this.result.found[0] ?? null;
  }

  update(keepCaption = false) {
    const asked = JSON.stringify([this.text, FACETS.map((facet) => [...this.chosen[facet]])]);
    if (asked !== this.asked) this.find();
    this.asked = asked;
    if (!keepCaption && !this.result.found.includes(this.caption)) this.caption = null;
    this.show();
  }

  find() {
    this.result = this.data.find(this.chosen, this.text);
    const narrowed = this.text || FACETS.some((facet) => this.chosen[facet].size);
    const [found, all] = [this.result.found.length, plural(this.data.size, "caption")];
    byId("count").textContent = narrowed ? `${found.toLocaleString("en")} of ${all}` : all;
    byId("clear").hidden = !narrowed;
    updateMenus(byId("filters"), this.data, this.chosen, this.result.counts);
    this.list.show(this.data, this.result);
  }

  show() {
    const detail = byId("detail");
    const held = detail.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
    document.body.dataset.view = this.caption === null ? "list" : "caption";
    const place = this.result.found.indexOf(this.shown);
    detail.replaceChildren(
      this.shown === null
        ? nothingFound()
        : captionView(this.data, this.shown, {
            place,
            result: this.result,
            wide: wide.matches,
            step: (by) => this.step(by),
            back: () => this.back(),
            copy: () => this.copyLink(),
            zoom: () => this.zoom(),
          }),
    );
    detail.scrollTop = 0;
    // Beside the picture, which stays in sight; on a phone it would scroll the picture away.
    if (wide.matches) detail.querySelector(".hit")?.scrollIntoView({ block: "nearest" });
    if (held) (detail.querySelector(`[aria-label="${CSS.escape(held)}"]:enabled`) ?? detail).focus();
    highlightTerms(detail, this.result.terms);
    this.list.select(this.shown, this.caption !== null);
    document.title = this.shown === null ? "AlignBench" : `${this.data.captions.id[this.shown]} · AlignBench`;
  }

  open(caption) {
    this.caption = caption;
    this.show();
    this.keep("pushState");
    if (narrow.matches) byId("detail").focus();
  }

  step(by) {
    const { found } = this.result;
    if (!found.length) return;
    const place = found.indexOf(this.shown);
    this.caption = found[Math.min(found.length - 1, Math.max(0, place + by))];
    this.show();
    this.keep("replaceState");
  }

  back() {
    this.caption = null;
    document.body.dataset.view = "list";
    this.keep("pushState");
    byId("list").focus();
  }

  zoom() {
    const url = this.shown !== null && pictureUrl(this.data, this.shown);
    if (!url) return;
    byId("zoom").querySelector("img")?.remove();
    byId("zoom").append(element("img", { src: url, alt: pictureText(this.data, this.shown) }));
    byId("zoom").showModal();
  }

  async copyLink() {
    this.caption = this.shown;
    this.keep("replaceState");
    try {
      await navigator.clipboard.writeText(location.href);
      notice("Link copied");
    } catch {
      notice("Copy the address of this page: it leads here");
    }
  }

  keep(how) {
    const query = new URLSearchParams();
    if (this.caption !== null) query.set("caption", this.data.captions.id[this.caption]);
    for (const facet of FACETS) for (const name of this.chosen[facet]) query.append(facet, name);
    if (this.text.trim()) query.set("q", this.text.trim());
    const hash = `#${query}`;
    if (hash !== (location.hash || "#")) history[how](null, "", hash);
  }

  restore() {
    const query = new URLSearchParams(location.hash.slice(1));
    const strange = [];
    for (const facet of FACETS) {
      const names = query.getAll(facet);
      strange.push(
        ...names.filter((name) => !this.data.names[facet].includes(name)).map((name) => `${facet} “${name}”`),
      );
      this.chosen[facet] = new Set(names.filter((name) => this.data.names[facet].includes(name)));
    }
    this.text = byId("search").value = query.get("q") ?? "";
    this.caption = this.data.numbers.get(query.get("caption")) ?? null;
    if (query.has("caption") && this.caption === null) strange.push(`caption “${query.get("caption")}”`);
    if (strange.length) notice(`The link names what these data do not have: ${strange.join(", ")}`);
    this.update(true);
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const menu = document.querySelector(".filter[open]");
    if (event.key === "Escape") return this.escape(menu);
    if (menu || event.target.matches("input")) return;
    const act = {
      j: () => this.step(1),
      ArrowDown: () => this.step(1),
      ArrowRight: () => this.step(1),
      k: () => this.step(-1),
      ArrowUp: () => this.step(-1),
      ArrowLeft: () => this.step(-1),
      Home: () => this.step(-Infinity),
      End: () => this.step(Infinity),
      "/": () => byId("search").select(),
      "?": () => byId("help").showModal(),
      z: () => this.zoom(),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  escape(menu) {
    const search = byId("search");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    } else if (document.activeElement === search) {
      if (this.text) {
        this.text = search.value = "";
        this.update();
        this.keep("replaceState");
      } else search.blur();
    } else if (narrow.matches && this.caption !== null) this.back();
  }
}

function notice(text) {
  const place = byId("notice");
  place.textContent = text;
  place.hidden = false;
  clearTimeout(notice.timer);
  notice.timer = setTimeout(() => (place.hidden = true), 6000);
}

// Storage may be refused, in a private window or for a page opened as a file.
function storedTheme(value) {
  try {
    if (value) localStorage.setItem("alignbench-theme", value);
    return localStorage.getItem("alignbench-theme");
  } catch {
    return value;
  }
}

function switchTheme() {
  const now =
    document.documentElement.dataset.theme ??
    (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
  storedTheme(document.documentElement.dataset.theme);
}

async function start() {
  const theme = storedTheme();
  if (theme) document.documentElement.dataset.theme = theme;
  const embedded = byId("data");
  try {
    window.app = new App(
      new Captions(embedded ? JSON.parse(embedded.textContent) : await (await fetch("data.json")).json()),
    );
  } catch (error) {
    byId("count").textContent =
      `The captions could not be loaded (${error.message}). Is the server still running?`;
    throw error;
  }
}

start();
