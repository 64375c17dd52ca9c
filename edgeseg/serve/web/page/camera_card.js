// One camera's card.

import { byCause, bytes, duration, milliseconds, sum } from "./figures.js";
import { Latency } from "./latency.js";
import { Player } from "./player.js";

const SHAPES = "http://www.w3.org/2000/svg";

/** How a state looks: "live", "wait", "warn" or "bad". */
export function look(state, frozen = false) {
  if (state === "live") return frozen ? "warn" : "live";
  return state === "connecting" ? "wait" : "bad";
}

export class CameraCard {
  #latency;
  #player;
  #seen = false; // on the screen
  #awake = true; // the page is in front
  #legend = [];
  #key = "";

  constructor(template, name) {
    this.element = template.content.firstElementChild.cloneNode(true);
    this.element.dataset.camera = name;
    this.#find("h2").textContent = name;
    this.#latency = new Latency(this.#find(".latency svg"));
    const note = this.#find(".note");
    this.#player = new Player(this.#find("video"), this.#find("img"), name, (text) => {
      note.hidden = !text;
      note.textContent = text ?? "";
    });
    for (const input of this.element.querySelectorAll("input")) {
      input.name = `kind-${name}`;
      input.addEventListener("change", () => this.#play());
    }
    this.#find(".enlarge").addEventListener("click", ({ currentTarget }) => {
      currentTarget.setAttribute("aria-pressed", this.element.classList.toggle("large"));
    });
  }

  /** Plays only what somebody sees. */
  set seen(seen) {
    this.#seen = seen;
    this.#play();
  }

  set awake(awake) {
    this.#awake = awake;
    this.#play();
  }

  update(camera, status, now) {
    const kind = look(camera.state, camera.frozen);
    this.element.classList.toggle("bad", kind === "bad");
    const state = this.#find(".state");
    state.className = `state ${kind}`;
    this.#text(state, camera.frozen && camera.state === "live" ? "picture frozen" : camera.state);
    this.#text(this.#find(".since"), duration(camera.seconds));
    const reason = this.#find(".reason");
    reason.hidden = kind !== "bad";
    const retry = camera.retry_in === null ? "" : ` · trying again in ${duration(camera.retry_in)}`;
    this.#text(reason, (camera.reason ?? camera.state) + retry);
    this.#player.hasFrame = camera.width > 0;
    if (camera.width) this.#find(".screen").style.aspectRatio = `${camera.width} / ${camera.height}`;
    this.#figures(camera, status, now);
    this.#classes(camera, status);
    this.#details(camera);
  }

  remove() {
    this.#player.stop();
    this.element.remove();
  }

  #figures(camera, status, now) {
    this.#figure("fps", camera.fps.toFixed(1));
    this.#figure("age", camera.age === null ? "–" : duration(camera.age));
    this.#figure("skipped", sum(camera.skipped));
    this.#figure("reconnects", sum(camera.connection.reconnects));
    const { recording, drift } = camera;
    this.#find("[data-figure=drift]").parentElement.hidden = !drift;
    if (drift) {
      const furthest = Math.max(...Object.values(drift.deviations), 0).toFixed(1);
      this.#figure("drift", drift.state === "learning" ? `learning, ${Math.floor(100 * drift.learnt)} %` : `${drift.state}, ${furthest}`);
    }
    this.#find("[data-figure=recording]").parentElement.hidden = !recording;
    if (recording) this.#figure("recording", recording.recording ? bytes(recording.bytes) : "paused");
    const found = this.#latency.update(status.latency_bounds, camera.latency, now);
    ["p50", "p95", "p99"].forEach((name, place) => this.#figure(name, found ? milliseconds(found[place]) : "–"));
  }

  #classes(camera, status) {
    const key = JSON.stringify([status.classes, status.palette]);
    if (key !== this.#key) {
      this.#key = key;
      this.#legend = status.classes.map((name, place) => legendItem(name, status.palette[place]));
      this.#find(".legend").replaceChildren(...this.#legend.map(({ item }) => item));
    }
    status.classes.forEach((name, place) => {
      const part = camera.fractions[name] ?? 0;
      const { item, figure } = this.#legend[place];
      this.#text(figure, part && part < 0.001 ? "< 0.1 %" : part ? `${(100 * part).toFixed(1)} %` : "0 %");
      item.classList.toggle("absent", !part);
    });
  }

  #details(camera) {
    const { connection, recording } = camera;
    const rows = [
      ["source", camera.source],
      ["frames", camera.width ? `${camera.width} × ${camera.height}, ${camera.masks} with a mask` : "none yet"],
      ["no mask", byCause(camera.skipped)],
      ["reconnects", byCause(connection.reconnects)],
      ["gaps", `${connection.gaps}, together ${duration(connection.gap_seconds)}; stalls ${connection.stalls}; frozen ${connection.freezes}`],
      ["stages, 50 %", Object.entries(camera.stages).map(([name, times]) => `${name.replaceAll("_", " ")} ${milliseconds(times.p50)}`).join(", ")],
    ];
    if (camera.reason) rows.push(["last trouble", camera.reason]);
    if (recording) rows.push(["recording", `${recording.segments} files, ${bytes(recording.bytes)}, ${recording.lost} frames lost${recording.reason ? `; ${recording.reason}` : ""}`]);
    const body = this.#find("tbody");
    if (!this.#find("details").open) return;
    body.replaceChildren(...rows.map(([name, value]) => {
      const row = document.createElement("tr");
      const head = document.createElement("th");
      const cell = document.createElement("td");
      head.textContent = name;
      cell.textContent = value;
      row.append(head, cell);
      return row;
    }));
  }

  #play() {
    if (!this.#seen || !this.#awake) return this.#player.stop();
    const kind = this.#find("input:checked").value;
    if (kind !== this.#player.kind) this.#player.show(kind);
  }

  #figure(name, value) {
    this.#text(this.#find(`[data-figure=${name}]`), String(value));
  }

  #text(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  #find(selector) {
    return this.element.querySelector(selector);
  }
}

function legendItem(name, colour) {
  const item = document.createElement("li");
  const swatch = document.createElementNS(SHAPES, "svg");
  const square = document.createElementNS(SHAPES, "rect");
  square.setAttribute("width", "100%");
  square.setAttribute("height", "100%");
  square.setAttribute("fill", `rgb(${colour.join(" ")})`);
  swatch.append(square);
  const [label, figure] = [document.createElement("span"), document.createElement("span")];
  label.className = "name";
  label.textContent = name;
  figure.className = "part";
  item.append(swatch, label, figure);
  return { item, figure };
}
