// Asks for the state each second while the page is in front, and keeps a card for each camera.

import { CameraCard } from "./camera_card.js";
import { EventList } from "./event_list.js";
import { duration } from "./figures.js";

const PERIOD = 1000; // milliseconds
const SILENT = 3000; // after which figures are called old

const template = document.getElementById("camera");
const place = document.getElementById("cameras");
const cards = new Map(); // by name
const events = new EventList(document.getElementById("events"));
const onScreen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const card = cards.get(target.dataset.camera);
    if (card?.element === target) card.seen = isIntersecting;
  }
}, { rootMargin: "100px" });
let answered = performance.now();
let timer = 0;

async function ask() {
  clearTimeout(timer);
  try {
    const response = await fetch("/api/status", { signal: AbortSignal.timeout(5 * PERIOD) });
    if (response.status === 401) return location.assign("/login");
    if (!response.ok) throw new Error(response.status);
    show(await response.json());
    answered = performance.now();
  } catch {
    // said below, when it lasts
  }
  const silent = performance.now() - answered;
  const silence = document.getElementById("silence");
  silence.hidden = silent < SILENT;
  silence.textContent = `No answer from the service for ${duration(silent / 1000)}: what stands here is old.`;
  document.body.classList.toggle("stale", silent >= SILENT);
  if (!document.hidden) timer = setTimeout(ask, PERIOD);
}

function show(status) {
  const live = status.cameras.filter(({ state }) => state === "live").length;
  const all = status.cameras.length;
  const health = document.getElementById("health");
  health.className = `state ${status.healthy ? (live === all ? "live" : "wait") : "bad"}`;
  const words = live === all ? `${all === 1 ? "camera" : `all ${all} cameras`} live` : `${live} of ${all} cameras live`;
  if (health.textContent !== words) health.textContent = words;
  document.title = live === all ? "edgeseg" : `(${all - live}) edgeseg`;
  document.querySelector("[data-total=fps]").textContent = status.fps.toFixed(1);
  document.querySelector("[data-total=up]").textContent = duration(status.seconds);
  document.getElementById("network").textContent =
    `${status.bundle} · ${status.engine} ${status.precision} · ${status.sha256.slice(0, 12)} · edgeseg ${status.version}`;
  const names = new Set(status.cameras.map(({ name }) => name));
  for (const [name, card] of cards) {
    if (names.has(name)) continue;
    onScreen.unobserve(card.element);
    card.remove();
    cards.delete(name);
  }
  const now = performance.now();
  status.cameras.forEach((camera, position) => {
    let card = cards.get(camera.name);
    if (!card) {
      card = new CameraCard(template, camera.name);
      cards.set(camera.name, card);
    }
    if (place.children[position] !== card.element) place.insertBefore(card.element, place.children[position] ?? null);
    card.update(camera, status, now);
    onScreen.observe(card.element);
  });
}

/** Nothing is asked for while nobody looks. */
function look() {
  for (const card of cards.values()) card.awake = !document.hidden;
  if (document.hidden) {
    events.stop();
    clearTimeout(timer);
  } else {
    events.start();
    ask();
  }
}

document.addEventListener("visibilitychange", look);
look();
