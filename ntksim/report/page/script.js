"use strict";
(() => {
  const NAMESPACE = "http://www.w3.org/2000/svg";
  const STEPS = 65534;
  const DECADES = 12; // below the largest value; what is smaller is rounding
  const panels = JSON.parse(document.getElementById("data").textContent);

  function element(name, attributes, parent) {
    const made = document.createElementNS(NAMESPACE, name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    if (parent) parent.append(made);
    return made;
  }

  function decoded(code) {
    if (!code) return null;
    const bytes = Uint8Array.from(atob(code.data), (letter) => letter.charCodeAt(0));
    return Array.from({ length: bytes.length / 2 }, (_, i) => {
      const step = bytes[2 * i] + 256 * bytes[2 * i + 1];
      if (step > STEPS) return NaN;
      const value = code.lo * (1 - step / STEPS) + code.hi * (step / STEPS);
      return code.log ? 10 ** value : value;
    });
  }

  const shown = (value) =>
    value === 0 ? "0" : Math.abs(value) >= 1e4 || Math.abs(value) < 1e-3
      ? value.toExponential(0).replace("+", "") : String(Number(value.toPrecision(3)));

  function ticks(lo, hi, log) {
    const made = [];
    if (log) {
      const first = Math.ceil(lo - 1e-9), last = Math.floor(hi + 1e-9);
      const stride = Math.max(1, Math.ceil((last - first + 1) / 7));
      for (let power = first; power <= last; power += stride) made.push(power);
      if (made.length > 1) return made.map((power) => [power, shown(10 ** power)]);
      const small = [];
      for (let power = first - 1; power <= last + 1; power++) {
        for (const digit of hi - lo < 0.5 ? [1, 1.5, 2, 3, 4, 5, 6, 8] : [1, 2, 5]) {
          const at = power + Math.log10(digit);
          if (at >= lo && at <= hi) small.push([at, shown(digit * 10 ** power)]);
        }
      }
      return small;
    }
    const raw = (hi - lo) / 5 || 1;
    const unit = 10 ** Math.floor(Math.log10(raw));
    const step = unit * [1, 2, 5, 10].find((factor) => factor * unit >= raw);
    for (let i = Math.ceil(lo / step); i * step <= hi + step * 1e-9; i++) made.push([i * step, shown(i * step)]);
    return made;
  }

  function range(values, log, room) {
    let lo = Infinity, hi = -Infinity;
    for (const value of values) {
      if (!Number.isFinite(value) || (log && value <= 0)) continue;
      const place = log ? Math.log10(value) : value;
      lo = Math.min(lo, place);
      hi = Math.max(hi, place);
    }
    if (lo > hi) return null;
    if (log) lo = Math.max(lo, hi - DECADES);
    const span = hi - lo || Math.abs(hi) || 1;
    return [lo - room * span, hi + room * span];
  }

  function begin(figure) {
    const panel = panels[figure.dataset.panel];
    const curves = panel.curves.map((curve) => ({
      ...curve, center: decoded(curve.center), spread: decoded(curve.spread),
    }));
    const picture = figure.querySelector(".picture");
    const legend = figure.querySelector(".legend");
    const slider = figure.querySelector("input[type=range]");
    const selects = Object.fromEntries(
      [...figure.querySelectorAll("select")].map((select) => [select.dataset.choice, select]));
    const several = panel.choices.find((choice) => choice.name === panel.lines);

    // The values of all times, so that the axes stand still while the slider moves.
    function lines() {
      const found = [];
      several.labels.forEach((label, line) => {
        let cell = 0;
        for (const choice of panel.choices) {
          const select = selects[choice.name];
          const at = choice === several ? line : select ? Number(select.value) : 0;
          cell = cell * choice.labels.length + at;
        }
        const frames = panel.times.length || 1;
        const size = frames * panel.x.length;
        for (const curve of curves) {
          const center = curve.center.slice(cell * size, (cell + 1) * size);
          if (!center.some(Number.isFinite)) continue;
          const spread = curve.spread && curve.spread.slice(cell * size, (cell + 1) * size);
          const name = curves.length > 1 ? `${label}, ${curve.name}` : label;
          found.push({ name, line, center, spread, dashed: curve.dashed });
        }
      });
      return found;
    }

    function draw() {
      const found = lines();
      const frame = slider ? Number(slider.value) : 0;
      if (slider) {
        figure.querySelector("output").value = panel.times[frame].replace("inf", "∞");
        slider.setAttribute("aria-valuetext", `time ${panel.times[frame]}`);
      }
      const width = Math.max(280, Math.min(900, picture.clientWidth || 600));
      const height = Math.round(Math.max(220, width * 0.55));
      const box = { left: 62, right: width - 12, top: 10, bottom: height - 42 };
      const svg = element("svg", { viewBox: `0 0 ${width} ${height}` });
      const ends = (line) => line.spread && !panel.y_log
        ? line.center.flatMap((value, i) => [value, value - line.spread[i], value + line.spread[i]])
        : line.center;
      const all = found.flatMap(ends).concat(panel.points.map((point) => point[1]));
      const xs = range(panel.x.concat(panel.points.map((point) => point[0])), panel.x_log, 0.01);
      const ys = range(all, panel.y_log, 0.06);
      picture.replaceChildren(svg);
      legend.replaceChildren();
      if (!xs || !ys) {
        element("text", { x: width / 2, y: height / 2, "text-anchor": "middle", class: "empty" }, svg)
          .textContent = "Nothing was computed for this choice.";
        return;
      }
      const place = (value, log, ends, from, to) =>
        from + (((log ? Math.log10(value) : value) - ends[0]) / (ends[1] - ends[0])) * (to - from);
      const x = (value) => place(value, panel.x_log, xs, box.left, box.right);
      const y = (value) => Math.max(box.top - 1e3, Math.min(box.bottom + 1e3,
        place(panel.y_log ? Math.max(value, 1e-300) : value, panel.y_log, ys, box.bottom, box.top)));
      const widths = panel.markers && panel.x_log && panel.x.length <= 6;
      const across = widths ? panel.x.map((value) => [Math.log10(value), shown(value)]) : ticks(xs[0], xs[1], panel.x_log);
      for (const [value, text] of across) {
        const at = box.left + ((value - xs[0]) / (xs[1] - xs[0])) * (box.right - box.left);
        element("path", { d: `M${at} ${box.top}V${box.bottom}`, class: "axis" }, svg);
        element("text", { x: at, y: box.bottom + 16, "text-anchor": "middle" }, svg).textContent = text;
      }
      for (const [value, text] of ticks(ys[0], ys[1], panel.y_log)) {
        const at = box.bottom - ((value - ys[0]) / (ys[1] - ys[0])) * (box.bottom - box.top);
        element("path", { d: `M${box.left} ${at}H${box.right}`, class: "axis" }, svg);
        element("text", { x: box.left - 6, y: at + 4, "text-anchor": "end" }, svg).textContent = text;
      }
      element("text", { x: (box.left + box.right) / 2, y: height - 8, "text-anchor": "middle" }, svg)
        .textContent = panel.x_label;
      element("text", {
        transform: `translate(14 ${(box.top + box.bottom) / 2}) rotate(-90)`, "text-anchor": "middle",
      }, svg).textContent = panel.y_label;
      const clip = `clip-${figure.id}`;
      element("rect", { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top },
        element("clipPath", { id: clip }, svg));
      const inside = element("g", { "clip-path": `url(#${clip})` }, svg);

      for (const line of found) {
        const colour = `var(--line-${line.line % 8})`;
        const size = panel.x.length;
        const center = line.center.slice(frame * size, (frame + 1) * size);
        const spread = line.spread && line.spread.slice(frame * size, (frame + 1) * size);
        const there = center.map((_, i) => i).filter((i) => Number.isFinite(center[i]));
        const joined = (values) => values.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
        if (spread && !panel.markers) {
          const banded = there.filter((i) => Number.isFinite(spread[i]));
          const upper = joined(banded.map((i) => [panel.x[i], center[i] + spread[i]]));
          const lower = joined(banded.map((i) => [panel.x[i], center[i] - spread[i]])).reverse();
          if (banded.length > 1) {
            element("polygon", { points: upper.concat(lower).join(" "), fill: colour, opacity: 0.18, class: "band" }, inside);
          }
        }
        if (!panel.markers || panel.x_log) {
          element("polyline", {
            points: joined(there.map((i) => [panel.x[i], center[i]])).join(" "), fill: "none",
            stroke: colour, "stroke-width": 2, class: "curve", ...(line.dashed ? { "stroke-dasharray": "6 4" } : {}),
          }, inside);
        }
        if (panel.markers) {
          for (const i of there) {
            if (spread && Number.isFinite(spread[i])) {
              element("path", { d: `M${x(panel.x[i])} ${y(center[i] - spread[i])}V${y(center[i] + spread[i])}`, stroke: colour }, inside);
            }
            element("circle", { cx: x(panel.x[i]), cy: y(center[i]), r: 3, fill: colour, class: "curve" }, inside);
          }
        }
        const entry = document.createElement("li");
        const swatch = element("svg", { viewBox: "0 0 28 12", "aria-hidden": "true" });
        element("path", { d: "M0 6H28", stroke: colour, "stroke-width": 3, ...(line.dashed ? { "stroke-dasharray": "6 4" } : {}) }, swatch);
        entry.append(swatch, `${panel.lines} ${line.name}`);
        legend.append(entry);
      }
      if (panel.key === "fit" && panel.markers && panel.points.length === 2) {
        const [from, to] = panel.points;
        element("path", { d: `M${x(from[0])} ${y(from[1])}L${x(to[0])} ${y(to[1])}`, class: "axis", "stroke-dasharray": "4 4" }, inside);
      } else {
        for (const [at, value] of panel.points) {
          element("circle", { cx: x(at), cy: y(value), r: 4, fill: "var(--ink)", class: "target" }, inside);
        }
      }
    }

    figure.addEventListener("input", draw);
    new ResizeObserver(draw).observe(picture);
    draw();
  }

  document.querySelectorAll("figure").forEach(begin);
})();
