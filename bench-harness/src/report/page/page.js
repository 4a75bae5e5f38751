// Draws the charts of the page. Everything is computed already: see the module that writes it.
"use strict";
(() => {
  const root = document.documentElement;
  const { contestants, charts } = JSON.parse(document.getElementById("data").textContent);
  // Told apart by people who see colours differently (Okabe and Ito), then by dashes.
  const light = ["#0072b2", "#d55e00", "#009e73", "#b5539c", "#8a6d00", "#222222", "#56b4e9"];
  const dark = ["#56b4e9", "#ff9045", "#2fcf9f", "#e796cd", "#e6cf4a", "#f2f2f2", "#8c9eff"];
  const dashes = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
  const drawn = new Map();
  const hidden = new Set();

  const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const style = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const colour = (contestant) => {
    const number = contestants.indexOf(contestant);
    const palette = isDark() ? dark : light;
    return number < 0 ? style("--faint") : palette[number % palette.length];
  };
  const dash = (contestant) => dashes[Math.floor(Math.max(0, contestants.indexOf(contestant)) / light.length) % dashes.length];

  const short = (value) => {
    if (value == null) return "–";
    const size = Math.abs(value);
    if (size === 0 || (size >= 1e-6 && size < 1e6)) return String(Number(value.toPrecision(size >= 100 ? 4 : 3)));
    return value.toExponential(1);
  };
  // A value is one over the rest: 100 is 99 %.
  const nines = (value) => {
    if (value == null) return "–";
    const digits = Math.max(0, Math.ceil(Math.log10(value) - 2));
    return (100 - 100 / value).toFixed(value < 10 ? 0 : digits) + " %";
  };
  const written = (axis) => (axis.scale === "nines" ? nines : short);

  // The curves of a chart on one axis of x.
  function table(chart) {
    const tables = chart.curves.map((curve) => [curve.x, curve.y]);
    // A run that did not complete is a gap and stays one; a place that belongs to another curve only is none.
    return tables.length === 1 ? tables[0] : uPlot.join(tables);
  }

  function bounds(axis) {
    if (axis.scale === "linear") return { time: false, range: { min: { pad: 0, soft: 0, mode: 1 }, max: { pad: 0.05, mode: 0 } } };
    return { time: false, distr: 3, log: 10 };
  }

  function draw(place) {
    const chart = charts[Number(place.dataset.chart)];
    const data = table(chart);
    const wide = Math.max(220, place.clientWidth);
    const line = style("--line"), ink = style("--faint");
    const grid = { stroke: line, width: 1 };
    const axis = (of, more) => ({
      label: of.label, labelSize: 20, stroke: ink, grid, ticks: grid, font: "12px system-ui", labelFont: "12px system-ui",
      values: (_, values) => values.map((v) => (of.scale === "linear" || (v != null && isPower(v)) ? written(of)(v) : "")),
      ...more,
    });
    const options = {
      width: wide, height: Math.round(Math.min(320, Math.max(220, wide * 0.6))),
      scales: { x: { ...bounds(chart.x), ...(chart.x.scale === "linear" ? { range: undefined } : {}) }, y: bounds(chart.y) },
      axes: [axis(chart.x, { size: 36 }), axis(chart.y, { size: 52 })],
      cursor: { drag: { x: true, y: false }, focus: { prox: 16 } },
      series: [
        { label: chart.x.label, value: (_, v) => written(chart.x)(v) },
        ...chart.curves.map((curve) => ({
          label: curve.contestant, stroke: colour(curve.contestant), width: 2, spanGaps: false, show: !hidden.has(curve.contestant),
          dash: curve.dashed ? [4, 4] : dash(curve.contestant),
          value: (_, v) => written(chart.y)(v),
          ...(curve.points
            ? { paths: () => null, points: { show: true, size: 4, fill: colour(curve.contestant), width: 0 } }
            : { points: { show: chart.curves[0].x.length < 24, size: 5 } }),
        })),
      ],
    };
    if (chart.x.scale === "linear") delete options.scales.x.range;
    place.textContent = "";
    drawn.set(place, { plot: new uPlot(options, data, place), chart });
  }

  const isPower = (value) => { const exponent = Math.log10(value); return Math.abs(exponent - Math.round(exponent)) < 1e-6; };

  function again() {
    for (const [place, { plot }] of drawn) { plot.destroy(); draw(place); }
    paint();
  }

  // Only what is looked at is drawn: a page can have hundreds of charts.
  const places = [...document.querySelectorAll(".chart")];
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting && !drawn.has(target)) draw(target);
  }, { rootMargin: "400px" });
  places.forEach((place) => seen.observe(place));
  addEventListener("beforeprint", () => places.forEach((place) => drawn.has(place) || draw(place)));

  let width = root.clientWidth, waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { if (root.clientWidth !== width) { width = root.clientWidth; again(); } }, 150);
  });

  // The cursor by keys, for who has no mouse.
  for (const place of places) {
    place.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity }[event.key];
      const plot = drawn.get(place)?.plot;
      if (steps === undefined || !plot) return;
      event.preventDefault();
      const last = plot.data[0].length - 1;
      const index = Math.min(last, Math.max(0, (plot.cursor.idx ?? 0) + steps));
      const left = plot.valToPos(plot.data[0][index], "x");
      const values = plot.data.slice(1).map((column) => column[index]).filter((value) => value != null);
      plot.setCursor({ left, top: values.length ? plot.valToPos(values[0], "y") : plot.over.clientHeight / 2 });
    });
  }

  // Which contestants the charts show.
  const shown = document.getElementById("shown");
  function paint() {
    for (const label of shown.querySelectorAll("label")) label.style.setProperty("--own", colour(label.dataset.contestant));
  }
  if (contestants.length > 1 && charts.length > 0) {
    for (const contestant of contestants) {
      const label = document.createElement("label");
      const box = document.createElement("input");
      box.type = "checkbox";
      box.checked = true;
      box.addEventListener("change", () => {
        if (box.checked) hidden.delete(contestant); else hidden.add(contestant);
        for (const { plot, chart } of drawn.values()) {
          chart.curves.forEach((curve, number) => {
            if (curve.contestant === contestant) plot.setSeries(number + 1, { show: box.checked });
          });
        }
      });
      label.dataset.contestant = contestant;
      label.append(box, contestant);
      shown.append(label);
    }
    shown.hidden = false;
    paint();
  }

  // Light and dark: as the system says, unless the address or the reader says otherwise.
  const theme = document.getElementById("theme");
  function dress(value) {
    if (value) root.dataset.theme = value; else delete root.dataset.theme;
    theme.value = value;
    again();
  }
  theme.addEventListener("change", () => dress(theme.value));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  const asked = new URLSearchParams(location.search).get("theme");
  if (asked === "light" || asked === "dark") dress(asked);

  const raw = document.getElementById("raw"), save = document.getElementById("save");
  if (raw && save) {
    save.hidden = false;
    save.addEventListener("click", () => {
      const bytes = Uint8Array.from(atob(raw.textContent.trim()), (letter) => letter.charCodeAt(0));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([bytes], { type: "application/gzip" }));
      link.download = "records.jsonl.gz";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    });
  }
})();
