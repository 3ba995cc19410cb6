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
  const memo = (make) => {
    const known = new Map();
    return (one) => {
      if (!known.has(one)) known.set(one, make(one));
      return known.get(one);
    };
  };
  const root = () => $(document, "documentElement");
  const canvas = $(document, "createElement")("canvas").getContext("2d", { willReadFrequently: true });
  const colour = memo((text) => {
    const parts = /^rgba?\(([\d.]+),\s*([\d.]+),\s*([\d.]+)(?:,\s*([\d.]+))?\)$/.exec(text);
    if (parts) return parts.slice(1).map((one) => (one === undefined ? 1 : Number(one)));
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  });
  const styleOf = memo((one) => getComputedStyle(one));
  const tag = (one) => $(one, "localName");
  const childrenOf = (one) => Array.from($(one, "childNodes"));
  const holds = (one, other) => $(one, "contains")(other);
  const chain = memo((one) => {
    const all = [];
    for (let at = one; at; at = $(at, "parentElement")) all.push(at);
    return all;
  });
  const isInHead = (one) => holds($(document, "head"), one);
  const rectOf = (one) => $(one, "getBoundingClientRect")();
  const isOnPage = ({ width, height, right, bottom }) =>
    width > 0 && height > 0 && right + scrollX > 0 && bottom + scrollY > 0;
  const box = (one) => {
    const { left, top, right, bottom } = rectOf(one);
    return [left + scrollX, top + scrollY, right + scrollX, bottom + scrollY];
  };
  const opacity = memo((one) => chain(one).reduce((all, other) => all * Number(styleOf(other).opacity), 1));

  // The least scale at which an element is drawn, and whether it is mirrored or upside down.
  const linear = (style) => {
    const [x, y = x] = style.scale === "none" ? ["1"] : style.scale.split(" ");
    const turn = style.rotate.split(" ");
    const axis = { x: "1, 0, 0", y: "0, 1, 0" }[turn[0]] ?? (turn.length === 4 ? turn.slice(0, 3).join(", ") : "0, 0, 1");
    const rotate = style.rotate === "none" ? "" : `rotate3d(${axis}, ${turn.at(-1)})`;
    const { m11, m12, m21, m22 } = new DOMMatrix(`${rotate} scale(${x}, ${y}) ${style.transform === "none" ? "" : style.transform}`);
    return [m11, m12, m21, m22];
  };
  const times = ([a, b, c, d], [e, f, g, h]) => [a * e + c * f, b * e + d * f, a * g + c * h, b * g + d * h];
  const drawn = memo((one) => {
    const isInner = one instanceof SVGElement && tag(one) !== "svg";
    const screen = isInner && "getScreenCTM" in one ? $(one, "getScreenCTM")() : null;
    const own = screen
      ? [screen.a, screen.b, screen.c, screen.d]
      : chain(one).reduce((all, other) => times(linear(styleOf(other)), all), [1, 0, 0, 1]);
    const [a, b, c, d] = own;
    const least = Math.abs(Math.hypot(a + d, b - c) - Math.hypot(a - d, b + c)) / 2;
    const isTurned = a * d - b * c < 0 || (a < 0 && Math.abs(a) > Math.abs(b));
    const scale = least * (screen ? 1 : $(one, "currentCSSZoom") ?? 1);
    return { scale: Math.abs(scale - 1) < 0.001 ? 1 : scale, isTurned };
  });
  const size = (one) => parseFloat(styleOf(one).fontSize) * drawn(one).scale;

  // What cuts off an element: boxes of elements that it is in, and the screen if it is fixed.
  const isContaining = (one, position) => {
    const { transform, filter, perspective, contain, position: own } = styleOf(one);
    return (position === "absolute" && own !== "static") || transform !== "none" || filter !== "none"
      || perspective !== "none" || /paint|layout|strict|content/.test(contain);
  };
  const cutting = (style, at) => {
    if (/paint|strict|content/.test(style.contain)) return "hidden";
    return at ? style.overflowY : style.overflowX;
  };
  const screenStyle = memo(() => {
    const whole = styleOf(root());
    return whole.overflow === "visible" ? styleOf($(document, "body")) : whole;
  });
  const clips = memo((one) => {
    const boxes = [];
    let escaping = null;
    for (const other of chain(one)) {
      const style = styleOf(other);
      if (escaping && isContaining(other, escaping)) escaping = null;
      if (escaping) continue;
      const isCutting = [0, 1].some((at) => cutting(style, at) !== "visible");
      if (isCutting && other !== root() && style !== screenStyle() && style.display !== "inline") boxes.push(other);
      if (["absolute", "fixed"].includes(style.position)) escaping = style.position;
    }
    return { boxes, isFixed: escaping === "fixed" };
  });
  const inner = (one) => {
    const { left, top } = rectOf(one);
    const [x, y] = [left + $(one, "clientLeft"), top + $(one, "clientTop")];
    return [x, y, x + $(one, "clientWidth"), y + $(one, "clientHeight")];
  };
  // The parts of a box that are seen through what cuts it off, across and down.
  const seenPart = (rect, one) => {
    const ranges = [[rect.left, rect.right], [rect.top, rect.bottom]];
    const parts = [1, 1];
    const cut = (at, from, to) => {
      const [start, end] = ranges[at];
      parts[at] *= Math.max(0, Math.min(end, to) - Math.max(start, from)) / Math.max(end - start, 0.01);
      ranges[at] = [Math.max(start, from), Math.min(end, to)];
    };
    const { boxes, isFixed } = clips(one);
    for (const other of boxes) {
      const room = inner(other);
      for (const at of [0, 1]) {
        const how = cutting(styleOf(other), at);
        if (how === "auto" || how === "scroll") ranges[at] = [room[at], room[at + 2]];
        else if (how !== "visible") cut(at, room[at], room[at + 2]);
      }
    }
    const screen = screenStyle();
    for (const at of [0, 1]) {
      const end = at ? innerHeight : innerWidth;
      const isHeld = ["hidden", "clip"].includes(at ? screen.overflowY : screen.overflowX);
      if (isFixed || isHeld) cut(at, 0, end);
    }
    return parts;
  };
  const isClipped = (one) => {
    const style = styleOf(one);
    const isTiny = $(one, "clientWidth") <= 1 || $(one, "clientHeight") <= 1;
    return (style.overflow !== "visible" && isTiny && style.display !== "inline")
      || style.clipPath === "inset(50%)" || style.clip === "rect(0px, 0px, 0px, 0px)";
  };
  const isDrawn = memo((one) => !chain(one).some(isClipped)
    && $(one, "checkVisibility")({ checkOpacity: true, checkVisibilityCSS: true }));
  const isShown = memo((one) => {
    if (isInHead(one)) return true;
    const [rect, parent] = [rectOf(one), $(one, "parentElement")];
    const around = styleOf(one).position === "fixed" ? one : parent ?? one;
    return isDrawn(one) && isOnPage(rect) && seenPart(rect, around).every((part) => part > 0.01);
  });
  const places = (node) => {
    const range = $(document, "createRange")();
    range.selectNodeContents(node);
    return Array.from(range.getClientRects()).filter(({ width, height }) => width > 0 && height > 0);
  };
  const isPseudo = (style) => !["none", "normal"].includes(style.content) && style.display !== "none"
    && style.visibility === "visible" && Number(style.opacity) > 0.05;
  const pseudos = memo((one) => ["::before", "::after"].map((name) => getComputedStyle(one, name)).filter(isPseudo));
  const strings = (content) => (content.split(" / ")[0].match(/"(?:[^"\\]|\\.)*"/g) ?? []).map((part) => part.slice(1, -1)).join("");
  const letters = (content) => /[\p{L}\p{N}]/u.test(strings(content));
  const pseudoText = (one, name) => {
    const style = getComputedStyle(one, name);
    return isPseudo(style) && letters(style.content) ? strings(style.content) : "";
  };
  // Whether words of a style sheet are not those of an attribute.
  const isForeign = (one, content) => letters(content) && !Array.from($(one, "attributes"), ({ value }) => value)
    .some((value) => strings(content).includes(value) && !letters(`"${strings(content).replace(value, "")}"`));
  const isInk = (node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "";
  const isWhole = ([across, down]) => across >= 0.95 && down >= 0.6;
  const parts = memo((node) => {
    const one = node.parentElement;
    return places(node).map((rect) => (isOnPage(rect) ? seenPart(rect, one) : [0, 0]));
  });
  const isSeen = (node) => parts(node).length > 0 && parts(node).every(isWhole);
  const said = (one, isTold) => {
    if (one.nodeType === Node.TEXT_NODE) return isTold || isSeen(one) ? one.data.replaceAll("\u00ad", "") : " ";
    if (!(one instanceof Element)) return "";
    if (tag(one) === "br") return " ";
    const children = childrenOf(one);
    if (!isTold && children.some(isInk) && !isDrawn(one)) return " ";
    const own = isTold ? ["", ""] : ["::before", "::after"].map((name) => pseudoText(one, name));
    const text = own[0] + children.map((child) => said(child, isTold)).join("") + own[1];
    return styleOf(one).display.startsWith("inline") ? text : ` ${text} `;
  };
  const plain = (text) => text.replace(/\s+/g, " ").trim();
  const text = (one) => plain(said(one, isInHead(one)));

  // What a text is on, from the front to the first layer that nothing shines through.
  const shadows = (text) => {
    const form = /((?:rgba?|color|lab|lch|oklab|oklch)\([^()]*\)) (-?[\d.]+)px (-?[\d.]+)px ([\d.]+)px(?: (-?[\d.]+)px)?( inset)?/g;
    return Array.from(text.matchAll(form), ([, own, x, y, blur, spread, inset]) =>
      ({ colour: colour(own), x: Number(x), y: Number(y), blur: Number(blur), spread: Number(spread ?? 0), inset }));
  };
  const layer = (style) => {
    if (style.backgroundClip.includes("text")) return [];
    const image = style.backgroundImage;
    const isInset = shadows(style.boxShadow).some((one) => one.inset && Math.max(Math.abs(one.x), Math.abs(one.y)) + one.spread + one.blur > 12);
    if (image.includes("url(")) return [{ unknown: "an image" }];
    if (isInset) return [{ unknown: "a shadow" }];
    const stops = image === "none" ? null : image.match(/(?:rgba?|color|lab|lch|oklab|oklch)\([^()]*\)/g);
    const gradient = stops ? [{ stops: stops.map(colour) }] : [];
    return [...gradient, { colour: colour(style.backgroundColor) }];
  };
  const isSolid = (one) => one.colour && one.colour[3] === 1;
  const isPainted = (style) => style.backdropFilter !== "none" || layer(style).some((one) =>
    one.unknown || (one.colour ? one.colour[3] : Math.max(...one.stops.map((stop) => stop[3]))) > 0.05);
  const isAt = ([left, top, right, bottom], x, y) => left <= x && x <= right && top <= y && y <= bottom;
  // Whether a pseudo-element that is laid over the page has something at a point.
  const isOver = (one, style, x, y) => {
    if (!isPainted(style) && !letters(style.content)) return false;
    if (["relative", "sticky"].includes(style.position)) {
      return [style.marginTop, style.marginRight, style.marginBottom, style.marginLeft, style.top, style.left].some((side) => parseFloat(side) < 0);
    }
    if (!["absolute", "fixed"].includes(style.position)) return false;
    const base = chain(one).find((other) => isContaining(other, style.position));
    const [left, top] = base ? inner(base) : style.position === "fixed" ? [0, 0] : [-scrollX, -scrollY];
    const sum = (names) => names.reduce((all, name) => all + (parseFloat(style[name]) || 0), 0);
    const move = new DOMMatrix(style.transform);
    const [right, down] = [left + sum(["left", "marginLeft"]) + move.e, top + sum(["top", "marginTop"]) + move.f];
    const isOuter = style.boxSizing === "border-box";
    const more = (names) => (isOuter ? 0 : sum(names));
    const width = sum(["width"]) + more(["paddingLeft", "paddingRight", "borderLeftWidth", "borderRightWidth"]);
    const height = sum(["height"]) + more(["paddingTop", "paddingBottom", "borderTopWidth", "borderBottomWidth"]);
    return isAt([right, down, right + width, down + height], x, y);
  };
  const isBelow = (style) => Number(style.zIndex) < 0;
  const isPicture = (one) => ["img", "canvas", "image", "use"].includes(tag(one));
  const isBordered = (one, x, y) => {
    const style = styleOf(one);
    const sides = ["Top", "Right", "Bottom", "Left"].some((side) =>
      parseFloat(style[`border${side}Width`]) > 0 && colour(style[`border${side}Color`])[3] > 0.05);
    return (sides || style.borderImageSource !== "none") && style.display !== "inline" && !isAt(inner(one), x, y);
  };
  // Whether an element that is above a text hides it.
  const hides = (other, one, x, y) => {
    if (opacity(other) < 0.05) return false;
    if (isPicture(other) || (other instanceof SVGElement && tag(other) !== "svg")) return true;
    const own = pseudos(other).filter((style) => !isBelow(style));
    if (own.some((style) => isOver(other, style, x, y))) return true;
    if (own.length > 0 && holds(other, one)) return false;
    const hasText = () => childrenOf(other).filter(isInk).some((node) =>
      places(node).some((rect) => isAt([rect.left, rect.top, rect.right, rect.bottom], x, y)));
    return isPainted(styleOf(other)) || isBordered(other, x, y) || hasText();
  };
  // Wide shadows and outlines, which a browser does not find at a point.
  const halos = (all) => all.flatMap((one) => {
    const style = styleOf(one);
    const isAcross = /^inset\(0px -/.test(style.clipPath);
    const wide = shadows(style.boxShadow).filter((shadow) => !shadow.inset && shadow.colour[3] > 0.3
      && Math.max(Math.abs(shadow.x), Math.abs(shadow.y)) + shadow.spread - shadow.blur / 2 > 12);
    const rings = wide.map(({ x, y, spread }) => ({ one, x, y, across: spread, down: isAcross ? 0 : spread }));
    const outline = parseFloat(style.outlineWidth) + parseFloat(style.outlineOffset);
    if (style.outlineStyle !== "none" && outline > 12) rings.push({ one, x: 0, y: 0, across: outline, down: outline });
    return rings;
  });
  const isInHalo = ({ one, x: dx, y: dy, across, down }, leaf, x, y) => {
    if (holds(one, leaf) || !isDrawn(one)) return false;
    const { left, top, right, bottom } = rectOf(one);
    return !isAt([left, top, right, bottom], x, y)
      && isAt([left + dx - across, top + dy - down, right + dx + across, bottom + dy + down], x, y);
  };
  const behind = (one, x, y, rings) => {
    const stack = $(document, "elementsFromPoint")(x, y);
    const at = stack.indexOf(one);
    if (at < 0 && styleOf(one).display !== "contents") {
      return { layers: [], cover: "is clipped away" };
    }
    const below = at < 0 ? chain(one) : stack.slice(at);
    const above = at < 0 ? [] : stack.slice(0, at);
    const isHidden = pseudos(one).some((style) => !isBelow(style) && isOver(one, style, x, y));
    const cover = isHidden ? one : above.find((other) => hides(other, one, x, y))
      ?? rings.find((ring) => isInHalo(ring, one, x, y))?.one;
    const layers = [];
    for (const other of below) {
      if (isPicture(other)) layers.push({ unknown: "an image" });
      const laid = pseudos(other).filter((style) => (other !== one || isBelow(style)) && !above.includes(other) && isOver(other, style, x, y));
      layers.push(...laid.flatMap(layer), ...layer(styleOf(other)));
      if (layers.some(isSolid)) break;
    }
    return { layers, cover: cover ? `is covered by \`<${tag(cover)}>\`` : null };
  };
  // Why the colours, the size or the letters that a reader sees are unknown.
  const strange = memo((one) => {
    const own = styleOf(one);
    const any = (name, usual) => chain(one).some((other) => !usual.includes(styleOf(other)[name]));
    if (any("filter", ["none"]) || any("mixBlendMode", ["normal"])) return "a filter or a blend mode";
    if (any("maskImage", ["none", undefined])) return "a mask";
    if (any("perspective", ["none"]) || any("offsetPath", ["none"])) return "a perspective or a path";
    if (parseFloat(own.webkitTextStrokeWidth) > 0) return "an outline around its letters";
    if (own.webkitTextSecurity !== "none" || own.fontSizeAdjust !== "none") return "letters that are replaced or resized";
    if (own.unicodeBidi.includes("override")) return "letters in another order";
    if (drawn(one).isTurned) return "a transform that mirrors it or turns it over";
    const isSvg = one instanceof SVGElement;
    if (isSvg && (own.fill.startsWith("url") || own.stroke !== "none")) return "a fill or a stroke that is not plain";
    const isStruck = chain(one).some((other) => styleOf(other).textDecorationLine.includes("line-through")
      && parseFloat(styleOf(other).textDecorationThickness) > 3);
    return isStruck ? "a thick line through it" : null;
  });
  const fields = ["checkbox", "radio", "range", "color", "file", "image", "hidden"];
  // The text of a field, and its colour.
  const field = (one) => {
    const name = tag(one);
    if (!["input", "textarea", "select"].includes(name) || fields.includes($(one, "type"))) return null;
    const value = name === "select" ? $(one, "selectedOptions")[0]?.label : $(one, "value");
    if (value) return { text: value, style: styleOf(one) };
    const held = name === "select" ? "" : $(one, "placeholder");
    return held ? { text: held, style: getComputedStyle(one, "::placeholder") } : null;
  };

  const measure = () => {
    const select = (selector) => Array.from($(document, "querySelectorAll")(selector));
    const all = select("*");
    const numbers = new Map(all.map((one, at) => [one, at]));
    const counts = new Map();
    const ordinals = all.map((one) => {
      const name = tag(one);
      counts.set(name, (counts.get(name) ?? -1) + 1);
      return counts.get(name);
    });
    const named = (one) => {
      const at = numbers.get(one);
      const words = Array.from($(one, "classList"), (word) => `.${word}`).join("");
      const id = $(one, "id") ? `#${$(one, "id")}` : "";
      return { number: at, tag: tag(one), nth: ordinals[at], name: (tag(one) + id + words).slice(0, 80) };
    };
    const flaws = [];
    const flaw = (rule, one) => flaws.length < 20 && flaws.push({ rule, ...named(one) });
    for (const one of $(document, "getAnimations")()) {
      const target = one.effect?.target;
      if (target && numbers.has(target) && one.effect.getComputedTiming().endTime > 5000) flaw("animation", target);
      try { one.finish(); } catch { one.cancel(); }
    }
    const [whole, body] = [root(), $(document, "body")];
    const room = whole.clientWidth;
    const isHeld = (one) => chain(one).slice(1).some((other) =>
      other !== whole && other !== body && styleOf(other).overflowX !== "visible");
    const right = (one) => box(one)[0] + $(one, "scrollWidth") * drawn(one).scale;
    let wide = all.filter((one) => one !== whole && one !== body
      && isShown(one) && box(one)[2] > room + 1 && !isHeld(one));
    wide.sort((a, b) => box(b)[2] - box(a)[2]);
    // A text may stick out of its element: the innermost one has it.
    const spills = (one) => styleOf(one).overflowX === "visible" && right(one) > room + 1;
    if (wide.length === 0) {
      wide = all.filter((one) => one !== whole && one !== body && isShown(one) && spills(one) && !isHeld(one));
      wide = wide.slice(-1);
    }
    const seen = {
      room, scroll: whole.scrollWidth, wide: wide.slice(0, 5).map((one) => ({ ...named(one), right: Math.max(box(one)[2], right(one)) })),
    };
    const value = (one, name) => (name === "font-size" ? `${size(one)}px` : styleOf(one).getPropertyValue(name));
    seen.selectors = asked.selectors.map(({ selector, styles, texts }) => {
      let found;
      try { found = select(selector); } catch { return { wrong: true, count: 0, elements: [] }; }
      const elements = found.slice(0, 100).map((one) => ({
        ...named(one), shown: isShown(one), box: box(one),
        text: texts ? text(one).slice(0, Math.max(200, 20000 / found.length)) : "",
        above: chain(one).slice(1).map((other) => numbers.get(other)),
        styles: Object.fromEntries(styles.map((name) => [name, value(one, name)])),
      }));
      return { wrong: false, count: found.filter(isShown).length, elements };
    });
    const drawnOnes = all.filter((one) => !isInHead(one) && isDrawn(one));
    const isMarked = (one) => styleOf(one).display === "list-item" && letters(styleOf(one).listStyleType);
    const isCut = ([across, down]) => across > 0.05 && down > 0.05 && !isWhole([across, down]);
    const isShort = (one) => clips(one).boxes.some((other) =>
      styleOf(other).textOverflow !== "clip" || styleOf(other).webkitLineClamp !== "none");
    for (const one of drawnOnes) {
      if (pseudos(one).some((style) => isForeign(one, style.content)) || isMarked(one)) flaw("content", one);
      if (childrenOf(one).some((node) => isInk(node) && parts(node).some(isCut)) && !isShort(one)) flaw("cut", one);
    }
    const rings = halos(drawnOnes);
    const leaves = drawnOnes.filter((one) => !$(one, "matches")(":disabled")).flatMap((one) => {
      const own = field(one);
      if (own) return isShown(one) ? [{ one, ...own, places: () => [rectOf(one)] }] : [];
      const nodes = childrenOf(one).filter((node) => isInk(node) && parts(node).some(isWhole));
      return nodes.map((node) => ({ one, text: node.data, style: styleOf(one), places: () => places(node) }));
    });
    // From here on the page is changed, so that every element is found at its point. The important
    // rules of the first layer have precedence.
    const reset = $(document, "createElement")("style");
    reset.textContent = "@layer { *, *::before, *::after { pointer-events: auto !important } }";
    reset.style.setProperty("background-color", "Canvas", "important");
    $($(document, "head"), "prepend")(reset);
    const paper = colour(getComputedStyle(reset).backgroundColor);
    for (const one of all) {
      $(one, "removeAttribute")("inert");
      if (one instanceof HTMLElement || one instanceof SVGElement) {
        $(one, "style").setProperty("pointer-events", "auto", "important");
      }
    }
    const inks = new Map();
    for (const { one, text, style, places } of leaves) {
      $(one, "scrollIntoView")({ block: "center", inline: "nearest", behavior: "instant" });
      const own = colour(one instanceof SVGElement ? style.fill : style.webkitTextFillColor);
      const fill = one instanceof SVGElement ? Number(style.fillOpacity) : 1;
      const shade = shadows(style.textShadow).map((shadow) => ({ stops: [shadow.colour, [...shadow.colour.slice(0, 3), 0]] }));
      const lines = Math.min(places().length, 8);
      let looked = 0;
      for (let line = 0; line < lines; line += 1) {
        const [{ top, bottom }, middle] = [places()[line] ?? {}, innerHeight / 2];
        if (bottom > innerHeight || top < 0) scrollBy({ top: (top + bottom) / 2 - middle, behavior: "instant" });
        const rect = places()[line];
        const across = rect.width < 20 ? [0.5] : line === 0 ? [0.1, 0.3, 0.5, 0.7, 0.9] : [0.1, 0.5, 0.9];
        const rooms = [[0, 0, innerWidth, innerHeight], ...clips(one).boxes.map(inner)];
        for (const part of across) {
          const [x, y] = [rect.left + rect.width * part, rect.top + rect.height / 2];
          if (!rooms.every((room) => isAt(room, x, y))) continue;
          looked += 1;
          const { layers, cover } = behind(one, x, y, rings);
          const ink = {
            colour: own, opacity: opacity(one) * fill,
            size: parseFloat(style.fontSize) * drawn(one).scale, weight: Number(style.fontWeight),
            strange: strange(one), layers: [...shade, ...layers, { colour: paper }], cover,
          };
          const key = JSON.stringify([ink, ink.cover || ink.strange ? numbers.get(one) : 0]);
          const known = inks.get(key) ?? { ...ink, ...named(one), text: plain(text).slice(0, 60), inside: new Set() };
          for (const other of chain(one)) known.inside.add(numbers.get(other));
          inks.set(key, known);
        }
      }
      if (looked === 0) flaw("cut", one);
    }
    const wanted = new Set(seen.selectors.flatMap((one) => one.elements.map((element) => element.number)));
    if (inks.size > 400) note("more than 400 texts that differ in their colours cannot be measured");
    seen.inks = Array.from(inks.values()).slice(0, 400);
    for (const ink of seen.inks) ink.inside = Array.from(ink.inside).filter((number) => wanted.has(number));
    Object.assign(seen, { errors, flaws });
    return seen;
  };

  addEventListener("load", () => $(document, "fonts").ready.then(() => {
    let seen;
    try { seen = measure(); } catch (error) { seen = { failed: `${error} ${error.stack}`.slice(0, 600) }; }
    parent.postMessage({ key: asked.key, seen }, "*");
  }));
})();
