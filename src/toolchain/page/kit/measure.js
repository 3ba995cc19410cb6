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
    if (it !== window) note(`${it.localName} cannot load ${it.getAttribute("src") || it.getAttribute("href")}`);
  }, true);
  addEventListener("securitypolicyviolation", (event) =>
    note(`${event.violatedDirective} does not allow ${event.blockedURI}`));

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
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
    for (let at = one; at; at = at.parentElement) all.push(at);
    return all;
  };
  const box = (one) => {
    const { left, top, right, bottom } = one.getBoundingClientRect();
    return [left + scrollX, top + scrollY, right + scrollX, bottom + scrollY];
  };
  const isClipped = (one) => {
    const style = getComputedStyle(one);
    const tiny = one.clientWidth <= 1 || one.clientHeight <= 1;
    return (style.overflow !== "visible" && tiny && style.display !== "inline")
      || style.clipPath === "inset(50%)" || style.clip === "rect(0px, 0px, 0px, 0px)";
  };
  const isShown = (one) => {
    if (document.head.contains(one)) return true;
    const [left, top, right, bottom] = box(one);
    return one.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })
      && right > left && bottom > top && right > 0 && bottom > 0 && !chain(one).some(isClipped);
  };
  const said = (one) => {
    if (one.nodeType === Node.TEXT_NODE) return one.data;
    if (one.nodeType !== Node.ELEMENT_NODE) return "";
    if (one.localName === "br") return " ";
    if (one.childElementCount > 0 && one.checkVisibility && !one.checkVisibility({ checkOpacity: true })) return "";
    if (one.childElementCount === 0 && !isShown(one)) return "";
    const text = Array.from(one.childNodes, said).join("");
    return getComputedStyle(one).display.startsWith("inline") ? text : ` ${text} `;
  };
  const text = (one) => said(one).replace(/\s+/g, " ").trim();

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
    const isWide = parseFloat(style.width) >= one.clientWidth * 0.9;
    const isHigh = parseFloat(style.height) >= one.clientHeight * 0.9;
    return style.content !== "none" && isLaid && isWide && isHigh ? layer(style) : [];
  });
  const isSolid = (one) => one.colour && one.colour[3] === 1;
  const behind = (one, x, y) => {
    const stack = document.elementsFromPoint(x, y);
    const at = stack.indexOf(one);
    const below = at < 0 ? chain(one) : stack.slice(at);
    const above = at < 0 ? [] : stack.slice(0, at).filter((other) => !one.contains(other));
    const cover = above.find((other) => layer(getComputedStyle(other)).some(isSolid)
      || ["img", "video", "canvas"].includes(other.localName));
    const layers = [];
    for (const other of below) {
      if (other !== one && ["img", "video", "canvas"].includes(other.localName)) layers.push({ unknown: "an image" });
      layers.push(...covering(other), ...layer(getComputedStyle(other)));
      if (layers.some(isSolid)) break;
    }
    return { layers, cover: cover ? cover.localName : null };
  };

  const measure = () => {
    for (const one of document.getAnimations()) {
      try { one.finish(); } catch { one.cancel(); }
    }
    const all = Array.from(document.querySelectorAll("*"));
    const numbers = new Map(all.map((one, at) => [one, at]));
    const counts = new Map();
    const ordinals = all.map((one) => {
      const name = one.localName;
      counts.set(name, (counts.get(name) ?? -1) + 1);
      return counts.get(name);
    });
    const named = (one) => {
      const at = numbers.get(one);
      const words = Array.from(one.classList, (word) => `.${word}`).join("");
      const id = one.id ? `#${one.id}` : "";
      return { number: at, tag: one.localName, nth: ordinals[at], name: (one.localName + id + words).slice(0, 80) };
    };
    const whole = document.documentElement;
    const room = whole.clientWidth;
    const isHeld = (one) => chain(one.parentElement).some((other) =>
      other !== whole && other !== document.body && getComputedStyle(other).overflowX !== "visible");
    const wide = all.filter((one) => one !== whole && one !== document.body
      && isShown(one) && box(one)[2] > room + 1 && !isHeld(one));
    wide.sort((a, b) => box(b)[2] - box(a)[2]);
    const seen = {
      room, scroll: whole.scrollWidth, wide: wide.slice(0, 5).map((one) => ({ ...named(one), right: box(one)[2] })),
    };
    seen.selectors = asked.selectors.map(({ selector, styles }) => {
      let found;
      try { found = Array.from(document.querySelectorAll(selector)); } catch { return { wrong: true, count: 0, elements: [] }; }
      const elements = found.slice(0, 100).map((one) => {
        const style = getComputedStyle(one);
        return {
          ...named(one), shown: isShown(one), box: box(one), text: text(one).slice(0, 4000),
          above: chain(one.parentElement).map((other) => numbers.get(other)),
          styles: Object.fromEntries(styles.map((name) => [name, style.getPropertyValue(name)])),
        };
      });
      return { wrong: false, count: found.filter(isShown).length, elements };
    });
    // From here on the page is changed, so that every element is found at its point.
    const leaves = all.filter((one) => !document.head.contains(one) && isShown(one) && !one.matches(":disabled")
      && Array.from(one.childNodes).some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()));
    for (const one of all) {
      one.removeAttribute("inert");
      if (one.style) one.style.setProperty("pointer-events", "auto", "important");
    }
    const inks = new Map();
    for (const one of leaves) {
      const node = Array.from(one.childNodes).find((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
      const range = document.createRange();
      range.selectNodeContents(node);
      one.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" });
      const rect = Array.from(range.getClientRects()).find((rect) => rect.width > 0 && rect.height > 0);
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

  addEventListener("load", () => document.fonts.ready.then(() => {
    let seen;
    try { seen = measure(); } catch (error) { seen = { failed: String(error) }; }
    parent.postMessage({ key: asked.key, width: innerWidth, seen }, "*");
  }));
})();
