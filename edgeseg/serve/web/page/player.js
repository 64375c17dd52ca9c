// A camera's video by Media Source Extensions; where a browser has none, or none comes, a picture each second.

const Source = globalThis.ManagedMediaSource ?? globalThis.MediaSource; // the first is what iPhones have
const KEPT = 10; // seconds of video behind the present
const TOO_LATE = 4; // seconds behind the newest frame: jump
const LATE = 2.2; // play faster
const PICTURE_MS = 1000;
const RETRY_MS = [1000, 2000, 5000, 10000];

export class Player {
  #video;
  #image;
  #name;
  #socket = null;
  #buffer = null;
  #queue = [];
  #url = null;
  #retry = 0;
  #failures = 0;
  #pictures = 0;
  #kind = null;

  /** onNote(text or null) is told what a viewer should know of the picture. */
  constructor(video, image, name, onNote) {
    this.#video = video;
    this.#image = image;
    this.#name = encodeURIComponent(name);
    this.onNote = onNote;
    this.hasFrame = false; // whether the camera has given one yet
    video.disableRemotePlayback = true;
    video.addEventListener("timeupdate", () => this.#video.currentTime > 0 && this.#showVideo());
    video.addEventListener("waiting", () => this.#catchUp());
    video.addEventListener("error", () => this.#socket?.close());
  }

  get kind() {
    return this.#kind;
  }

  /** Shows "plain", "overlay" or "confidence". */
  show(kind) {
    this.stop();
    this.#kind = kind;
    this.#showPictures();
    this.#connect();
  }

  stop() {
    clearTimeout(this.#retry);
    clearTimeout(this.#pictures);
    this.#pictures = 0;
    this.#kind = null;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#drop();
  }

  #connect() {
    if (!Source) return this.onNote("This browser plays no video from here; a picture each second.");
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/live/${this.#name}/${this.#kind}`);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      if (typeof data === "string") this.#begin(JSON.parse(data).mime);
      else this.#queue.push(data), this.#feed();
    };
    socket.onclose = () => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      this.#showPictures();
      const wait = RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)];
      this.#retry = setTimeout(() => this.#connect(), wait);
    };
    this.#socket = socket;
  }

  #begin(mime) {
    this.#drop();
    if (!Source.isTypeSupported(mime)) {
      this.onNote(`This browser does not play ${mime}; a picture each second.`);
      const socket = this.#socket;
      this.#socket = null; // for good: asking again would not help
      socket.close();
      return;
    }
    const source = new Source();
    source.addEventListener("sourceopen", () => {
      this.#buffer = source.addSourceBuffer(mime);
      this.#buffer.addEventListener("updateend", () => this.#feed());
      this.#feed();
    }, { once: true });
    this.#url = URL.createObjectURL(source);
    this.#video.src = this.#url;
    this.#video.play().catch(() => {}); // a browser that saves power waits for a touch; pictures go on
  }

  #feed() {
    const buffer = this.#buffer;
    if (!buffer || buffer.updating) return;
    const ranges = buffer.buffered;
    if (ranges.length && this.#video.currentTime - ranges.start(0) > 2 * KEPT) {
      buffer.remove(0, this.#video.currentTime - KEPT);
    } else if (this.#queue.length) {
      try {
        buffer.appendBuffer(this.#queue.shift());
      } catch {
        this.#socket?.close(); // full, or not what it should be: begin anew
      }
      return;
    }
    this.#catchUp();
  }

  /** Stays near the newest frame, over gaps too. */
  #catchUp() {
    const ranges = this.#buffer?.buffered;
    if (!ranges?.length) return;
    const video = this.#video;
    const start = ranges.start(ranges.length - 1);
    const end = ranges.end(ranges.length - 1);
    const lag = end - video.currentTime;
    if (video.currentTime < start || lag > TOO_LATE) video.currentTime = Math.max(start, end - 1);
    else video.playbackRate = lag > LATE ? 1.1 : 1;
  }

  #showVideo() {
    this.#failures = 0;
    if (!this.#pictures) return;
    clearTimeout(this.#pictures);
    this.#pictures = 0;
    this.#image.hidden = true;
    this.onNote(null);
  }

  #showPictures() {
    if (!this.#pictures) this.#picture();
  }

  #picture() {
    if (!this.hasFrame) {
      this.#pictures = setTimeout(() => this.#picture(), PICTURE_MS / 4);
      return;
    }
    const kind = this.#kind === "plain" ? "frame" : "overlay";
    const image = new Image();
    const next = () => (this.#pictures = setTimeout(() => this.#picture(), PICTURE_MS));
    const mine = (this.#pictures = setTimeout(() => {}, 0));
    image.onload = () => {
      if (this.#pictures !== mine) return; // the video came first
      this.#image.src = image.src;
      this.#image.hidden = false;
      next();
    };
    image.onerror = () => this.#pictures === mine && next();
    image.src = `/api/cameras/${this.#name}/${kind}.jpg?${Date.now()}`;
  }

  #drop() {
    this.#queue = [];
    this.#buffer = null;
    if (!this.#url) return;
    URL.revokeObjectURL(this.#url);
    this.#url = null;
    this.#video.removeAttribute("src");
    this.#video.load();
  }
}
