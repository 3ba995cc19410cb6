// Measures a page in a frame of one width. Only regen's nonce lets it run; nothing of the page does.
"use strict";
(() => {
  const asked = ASKED;
  document.currentScript.previousElementSibling.remove();
  document.currentScript.remove();
  const errors = [];
  const note = (text) => errors.length < 20 && !errors.includes(text) && errors.push(text);
  addEventListener("error", (event) => {
    const it = event.target;
    if (it !== window) note(`<${it.localName}> cannot load ${it.src || it.href}`);
  }, true);
  addEventListener("securitypolicyviolation", (event) =>
    note(`${event.violatedDirective} does not allow ${event.blockedURI}`));

  // A form and the document give their fields under the names of their own parts.
  const $ = (one, name) => {
    let from = Object.getPrototypeOf(one);
    while (!Object.hasOwn(from, name)) from = Object.getPrototypeOf(from);
    const { get, value } = Object.getOwnPropertyDescriptor(from, name);
    return get ? get.call(one) : value.bind(one);
  };
  const root = () => $(document, "documentElement");
  const canvas = $(document, "createElement")("canvas").getContext("2d", { willReadFrequently: true });
  const colour = (text) => {
    const parts = /^rgba?\(([\d.]+),\s*([\d.]+),\s*([\d.]+)(?:,\s*([\d.]+))?\)$/.exec(text);
    if (parts) return parts.slice(1).map((one) => (one === undefined ? 1 : Number(one)));
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const chain = (one) => {
    const all = [];
    for (let at = one; at; at = $(at, "parentElement")) all.push(at);
    return all;
  };
  const isInHead = (one) => $($(document, "head"), "contains")(one);
  const isOnPage = ({ width, height, right, bottom }) =>
    width > 0 && height > 0 && right + scrollX > 0 && bottom + scrollY > 0;
  const box = (one) => {
    const { left, top, right, bottom } = $(one, "getBoundingClientRect")();
    return [left + scrollX, top + scrollY, right + scrollX, bottom + scrollY];
  };
  const isClipped = (one) => {
    const style = getComputedStyle(one);
    const isTiny = $(one, "clientWidth") <= 1 || $(one, "clientHeight") <= 1;
    return (style.overflow !== "visible" && isTiny && style.display !== "inline")
      || style.clipPath === "inset(50%)" || style.clip === "rect(0px, 0px, 0px, 0px)";
  };
  const isDrawn = (one) => !chain(one).some(isClipped)
    && $(one, "checkVisibility")({ checkOpacity: true, checkVisibilityCSS: true });
  const isShown = (one) =>
    isInHead(one) || (isDrawn(one) && isOnPage($(one, "getBoundingClientRect")()));
  const places = (node) => {
    const range = $(document, "createRange")();
    range.selectNodeContents(node);
    return Array.from(range.getClientRects()).filter(isOnPage);
  };
  const isInk = (node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "";
  const said = (one, isTold) => {
    if (one.nodeType === Node.TEXT_NODE) return isTold || places(one).length > 0 ? one.data : " ";
    if (!(one instanceof Element)) return "";
    if ($(one, "localName") === "br") return " ";
    const children = Array.from($(one, "childNodes"));
    if (!isTold && children.some(isInk) && !isDrawn(one)) return " ";
    const text = children.map((child) => said(child, isTold)).join("");
    return getComputedStyle(one).display.startsWith("inline") ? text : ` ${text} `;
  };
  const text = (one) => said(one, isInHead(one)).replace(/\s+/g, " ").trim();

  // What is behind a text, from the front to the first layer that nothing shines through.
  const layer = (style) => {
    const image = style.backgroundImage;
    if (image.includes("url(")) return [{ unknown: "an image" }];
    const stops = image === "none" ? null : image.match(/(?:rgba?|color|lab|lch|oklab|oklch)\([^()]*\)/g);
    const gradient = stops ? [{ stops: stops.map(colour) }] : [];
    return [...gradient, { colour: colour(style.backgroundColor) }];
  };
  const covering = (one) => ["::after", "::before"].flatMap((name) => {
    const style = getComputedStyle(one, name);
    const isLaid = style.position === "absolute" || style.position === "fixed";
    const isWide = parseFloat(style.width) >= $(one, "clientWidth") * 0.9;
    const isHigh = parseFloat(style.height) >= $(one, "clientHeight") * 0.9;
    return style.content !== "none" && isLaid && isWide && isHigh ? layer(style) : [];
  });
  const isSolid = (one) => one.colour && one.colour[3] === 1;
  const behind = (one, x, y) => {
    const stack = $(document, "elementsFromPoint")(x, y);
    const at = stack.indexOf(one);
    const below = at < 0 ? chain(one) : stack.slice(at);
    const above = at < 0 ? [] : stack.slice(0, at).filter((other) => !$(one, "contains")(other));
    const isPicture = (other) => $(other, "localName") === "img";
    const cover = above.find((other) => isPicture(other) || layer(getComputedStyle(other)).some(isSolid));
    const layers = [];
    for (const other of below) {
      if (isPicture(other)) layers.push({ unknown: "an image" });
      layers.push(...covering(other), ...layer(getComputedStyle(other)));
      if (layers.some(isSolid)) break;
    }
    return { layers, cover: cover ? $(cover, "localName") : null };
  };

  const measure = () => {
    for (const one of $(document, "getAnimations")()) {
      try { one.finish(); } catch { one.cancel(); }
    }
    const select = (selector) => Array.from($(document, "querySelectorAll")(selector));
    const all = select("*");
    const numbers = new Map(all.map((one, at) => [one, at]));
    const counts = new Map();
    const ordinals = all.map((one) => {
      const name = $(one, "localName");
      counts.set(name, (counts.get(name) ?? -1) + 1);
      return counts.get(name);
    });
    const named = (one) => {
      const at = numbers.get(one);
      const tag = $(one, "localName");
      const words = Array.from($(one, "classList"), (word) => `.${word}`).join("");
      const id = $(one, "id") ? `#${$(one, "id")}` : "";
      return { number: at, tag, nth: ordinals[at], name: (tag + id + words).slice(0, 80) };
    };
    const [whole, body] = [root(), $(document, "body")];
    const room = whole.clientWidth;
    const isHeld = (one) => chain($(one, "parentElement")).some((other) =>
      other !== whole && other !== body && getComputedStyle(other).overflowX !== "visible");
    const right = (one) => box(one)[0] + $(one, "scrollWidth");
    let wide = all.filter((one) => one !== whole && one !== body
      && isShown(one) && box(one)[2] > room + 1 && !isHeld(one));
    wide.sort((a, b) => box(b)[2] - box(a)[2]);
    // A text may stick out of its element: the innermost one has it.
    const spills = (one) => getComputedStyle(one).overflowX === "visible" && right(one) > room + 1;
    if (wide.length === 0) {
      wide = all.filter((one) => one !== whole && one !== body && isShown(one) && spills(one) && !isHeld(one));
      wide = wide.slice(-1);
    }
    const seen = {
      room, scroll: whole.scrollWidth, wide: wide.slice(0, 5).map((one) => ({ ...named(one), right: Math.max(box(one)[2], right(one)) })),
    };
    seen.selectors = asked.selectors.map(({ selector, styles, texts }) => {
      let found;
      try { found = select(selector); } catch { return { wrong: true, count: 0, elements: [] }; }
      const elements = found.slice(0, 100).map((one) => {
        const style = getComputedStyle(one);
        return {
          ...named(one), shown: isShown(one), box: box(one),
          text: texts ? text(one).slice(0, Math.max(200, 20000 / found.length)) : "",
          above: chain($(one, "parentElement")).map((other) => numbers.get(other)),
          styles: Object.fromEntries(styles.map((name) => [name, style.getPropertyValue(name)])),
        };
      });
      return { wrong: false, count: found.filter(isShown).length, elements };
    });
    // From here on the page is changed, so that every element is found at its point.
    const isSeenInk = (node) => isInk(node) && places(node).length > 0;
    const leaves = all.filter((one) => !isInHead(one) && isDrawn(one) && !$(one, "matches")(":disabled")
      && Array.from($(one, "childNodes")).some(isSeenInk));
    for (const one of all) {
      $(one, "removeAttribute")("inert");
      if (one instanceof HTMLElement || one instanceof SVGElement) {
        $(one, "style").setProperty("pointer-events", "auto", "important");
      }
    }
    const inks = new Map();
    for (const one of leaves) {
      const node = Array.from($(one, "childNodes")).find(isSeenInk);
      if (!node) continue;
      $(one, "scrollIntoView")({ block: "center", inline: "nearest", behavior: "instant" });
      const rect = places(node)[0];
      if (!rect) continue;
      const style = getComputedStyle(one);
      const above = chain(one).map((other) => getComputedStyle(other));
      const ink = {
        colour: colour(one instanceof SVGElement ? style.fill : style.webkitTextFillColor),
        opacity: above.reduce((all, style) => all * Number(style.opacity), 1),
        size: parseFloat(style.fontSize), weight: Number(style.fontWeight),
        strange: above.some((style) => style.filter !== "none" || style.mixBlendMode !== "normal"),
        ...behind(one, rect.left + rect.width / 2, rect.top + rect.height / 2),
      };
      const key = JSON.stringify(ink);
      const known = inks.get(key) ?? { ...ink, ...named(one), text: text(one).slice(0, 60), inside: [] };
      known.inside = Array.from(new Set([...known.inside, ...chain(one).map((other) => numbers.get(other))]));
      inks.set(key, known);
    }
    const wanted = new Set(seen.selectors.flatMap((one) => one.elements.map((element) => element.number)));
    seen.inks = Array.from(inks.values()).slice(0, 400);
    for (const ink of seen.inks) ink.inside = ink.inside.filter((number) => wanted.has(number));
    seen.errors = errors;
    return seen;
  };

  addEventListener("load", () => $(document, "fonts").ready.then(() => {
    let seen;
    try { seen = measure(); } catch (error) { seen = { failed: String(error) }; }
    parent.postMessage({ key: asked.key, width: innerWidth, seen }, "*");
  }));
})();
