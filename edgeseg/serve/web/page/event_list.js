// What happened, the newest first, as the service tells it.

import { look } from "./camera_card.js";

const LENGTH = 200;

export class EventList {
  #list;
  #empty;
  #source = null;
  #run = "";

  constructor(element) {
    this.#list = element.querySelector("ol");
    this.#empty = element.querySelector(".quiet");
  }

  start() {
    if (this.#source) return;
    this.#list.replaceChildren(); // the service gives the last ones again
    this.#source = new EventSource("/api/events");
    this.#source.onmessage = ({ data, lastEventId }) => {
      const [run] = lastEventId.split("-");
      if (run !== this.#run) this.#list.replaceChildren(); // the service was started again, and its numbers begin anew
      this.#run = run;
      this.#add(item(JSON.parse(data)));
    };
    this.#source.addEventListener("lost", ({ data }) => this.#add(text("li", `${data} events were lost on the way`)));
  }

  stop() {
    this.#source?.close();
    this.#source = null;
  }

  #add(element) {
    this.#empty.hidden = true;
    this.#list.prepend(element);
    while (this.#list.children.length > LENGTH) this.#list.lastElementChild.remove();
  }
}

function item(event) {
  const element = document.createElement("li");
  const when = new Date(event.time);
  const today = when.toDateString() === new Date().toDateString();
  const clock = when.toLocaleTimeString([], { hourCycle: "h23" });
  const time = text("time", today ? clock : `${when.toLocaleDateString()} ${clock}`);
  time.dateTime = event.time;
  time.title = when.toLocaleString();
  const name = text("span", event.active === false ? `${event.name}: over` : event.name);
  name.className = event.kind === "state" ? look(event.name) : event.active ? "warn" : "";
  element.append(time, text("b", event.camera ?? "service"), name);
  const sentence = document.createElement("div");
  sentence.textContent = event.text;
  element.append(sentence);
  if (event.still) {
    const picture = new Image();
    picture.loading = "lazy";
    picture.alt = `picture of ${event.name}`;
    picture.src = `/api/events/${event.number}/still`;
    element.append(picture);
  }
  if (event.clip) {
    const link = text("a", "the seconds before");
    link.href = `/api/events/${event.number}/clip`;
    element.append(link);
  }
  return element;
}

function text(name, content) {
  const element = document.createElement(name);
  element.textContent = content;
  return element;
}
