// Latencies of the last minute: the service counts since its start, the page takes the difference.

const WINDOW = 60_000; // milliseconds
const SHAPES = "http://www.w3.org/2000/svg";

export class Latency {
  #svg;
  #bars = [];
  #before = []; // [time, cumulative counts], the oldest first

  constructor(svg) {
    this.#svg = svg;
  }

  /** Takes cumulative counts by bounds (milliseconds) and draws; returns percentiles, or null where nothing came. */
  update(bounds, cumulative, now) {
    const newest = this.#before.at(-1);
    if (newest && cumulative.some((count, bin) => count < newest[1][bin])) this.#before = []; // counted anew
    this.#before.push([now, cumulative]);
    while (this.#before.length > 2 && now - this.#before[1][0] >= WINDOW) this.#before.shift();
    const start = this.#before.length > 1 ? this.#before[0][1] : cumulative.map(() => 0);
    const counts = cumulative.map((count, bin) => count - start[bin] - (bin ? cumulative[bin - 1] - start[bin - 1] : 0));
    this.#draw(counts);
    const total = counts.reduce((sum, count) => sum + count, 0);
    return total ? [50, 95, 99].map((percent) => percentile(bounds, counts, (total * percent) / 100)) : null;
  }

  #draw(counts) {
    while (this.#bars.length < counts.length) {
      const bar = document.createElementNS(SHAPES, "rect");
      bar.setAttribute("x", this.#bars.length);
      bar.setAttribute("width", 0.9);
      this.#svg.append(bar);
      this.#bars.push(bar);
    }
    const most = Math.max(1, ...counts);
    counts.forEach((count, bin) => {
      const height = count ? Math.max(0.8, (20 * count) / most) : 0;
      this.#bars[bin].setAttribute("y", 20 - height);
      this.#bars[bin].setAttribute("height", height);
    });
  }
}

/** Where `rank` of the counted lie below, with the bin's inside interpolated. */
function percentile(bounds, counts, rank) {
  let below = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    if (below + counts[bin] >= rank && counts[bin]) {
      const low = bin ? bounds[bin - 1] : 0;
      return low + ((bounds[bin] - low) * (rank - below)) / counts[bin];
    }
    below += counts[bin];
  }
  return bounds.at(-1);
}
