"use strict";

// Coordinates in the drawing of an event in the window.
function inDrawing(svg, event) {
  return new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
}

function nearestIndex(items, distance) {
  let best = 0;
  items.forEach((item, index) => { if (distance(item) < distance(items[best])) best = index; });
  return best;
}

// Charts: the legend shows the values at the pointer instead of the last ones.
for (const chart of document.querySelectorAll(".chart")) {
  const svg = chart.querySelector("svg");
  const lines = [...svg.querySelectorAll(".line")].map((line, index) => ({
    points: JSON.parse(line.dataset.points),
    marker: line.querySelector(".marker"),
    output: chart.querySelectorAll(".legend output")[index],
  }));
  const stops = [...new Map(lines.flatMap((line) => line.points).map((p) => [p[0], p[2]]))]
    .sort((a, b) => a[0] - b[0]);
  let stop = stops.length - 1;

  function point(at) {
    stop = Math.max(0, Math.min(stops.length - 1, at));
    const [place, text] = stops[stop];
    for (const { points, marker, output } of lines) {
      const [x, y, , value] = points[nearestIndex(points, (p) => Math.abs(p[0] - place))];
      marker.setAttribute("cx", x);
      marker.setAttribute("cy", y);
      output.textContent = value;
    }
    svg.querySelector(".cursor").setAttribute("x1", place);
    svg.querySelector(".cursor").setAttribute("x2", place);
    svg.classList.add("pointed");
    chart.querySelector(".at").textContent = `${chart.dataset.x} ${text}`;
  }

  function leave() {
    point(stops.length - 1);
    svg.classList.remove("pointed");
    chart.querySelector(".at").textContent = "";
  }

  svg.addEventListener("pointermove", (event) => {
    const { x } = inDrawing(svg, event);
    point(nearestIndex(stops, ([place]) => Math.abs(place - x)));
  });
  svg.addEventListener("pointerleave", leave);
  svg.addEventListener("blur", leave);
  svg.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way) return;
    event.preventDefault();
    point(stop + way);
  });
}

// Maps: choosing a point shows its image, in every map of the same images.
const maps = [...document.querySelectorAll(".map")].map((figure) => {
  const dots = [...figure.querySelectorAll("circle.dot[data-index]")];
  const at = (dot) => ({ x: Number(dot.getAttribute("cx")), y: Number(dot.getAttribute("cy")) });
  return { figure, dots, places: dots.map(at), svg: figure.querySelector("svg") };
});

function show({ figure, dots }, index) {
  const { atlas, columns, width, height, smooth } = figure.dataset;
  const canvas = figure.querySelector("canvas");
  const context = canvas.getContext("2d");
  const scale = Math.min(canvas.width / width, canvas.height / height);
  context.imageSmoothingEnabled = smooth !== undefined;
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(
    document.getElementById(`atlas${atlas}`),
    (index % columns) * width, Math.floor(index / columns) * height, width, height,
    (canvas.width - scale * width) / 2, (canvas.height - scale * height) / 2,
    scale * width, scale * height,
  );
  const text = dots[index].getAttribute("aria-label");
  canvas.setAttribute("aria-label", text);
  figure.querySelector(".told").textContent = text;
  for (const [number, dot] of dots.entries()) {
    dot.classList.toggle("chosen", number === index);
    dot.setAttribute("tabindex", number === index ? 0 : -1);
  }
}

function choose(map, index) {
  for (const other of maps) {
    if (other.figure.dataset.atlas === map.figure.dataset.atlas) show(other, index);
  }
}

// The nearest point in the direction of an arrow key; sideways distance counts double.
function neighbour({ places }, index, [dx, dy]) {
  const here = places[index];
  const cost = (place) => {
    const ahead = (place.x - here.x) * dx + (place.y - here.y) * dy;
    const aside = Math.abs((place.x - here.x) * dy) + Math.abs((place.y - here.y) * dx);
    return ahead > 0 ? ahead + 2 * aside : Infinity;
  };
  const best = nearestIndex(places, cost);
  return Number.isFinite(cost(places[best])) ? best : index;
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

for (const map of maps) {
  map.svg.addEventListener("click", (event) => {
    const { x, y } = inDrawing(map.svg, event);
    const index = nearestIndex(map.places, (p) => Math.hypot(p.x - x, p.y - y));
    map.dots[index].focus({ preventScroll: true });
  });
  map.svg.addEventListener("focusin", (event) => choose(map, map.dots.indexOf(event.target)));
  map.svg.addEventListener("keydown", (event) => {
    const way = ARROWS[event.key];
    if (!way) return;
    event.preventDefault();
    map.dots[neighbour(map, map.dots.indexOf(event.target), way)].focus();
  });
  for (const button of map.figure.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      const pressed = button.getAttribute("aria-pressed") !== "true";
      for (const other of map.figure.querySelectorAll("button")) {
        other.setAttribute("aria-pressed", pressed && other === button);
      }
      for (const dot of map.dots) {
        dot.classList.toggle("dim", pressed && dot.dataset.class !== button.dataset.class);
      }
    });
  }
}
