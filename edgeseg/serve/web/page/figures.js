// Figures as people read them.

/** Seconds as "340 ms", "2.1 s", "4 min 5 s", "3 h 12 min" or "9 d 4 h". */
export function duration(seconds) {
  if (seconds < 1) return `${Math.round(1000 * seconds)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** Milliseconds with three digits at most. */
export function milliseconds(value) {
  if (value >= 999.5) return `${(value / 1000).toPrecision(3)} s`;
  return `${value >= 99.5 ? Math.round(value) : value.toPrecision(value < 1 ? 1 : 2)} ms`; // 99.6 would be 1.0e+2
}

export function bytes(number) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (number >= 1000 && unit < units.length - 1) [number, unit] = [number / 1000, unit + 1];
  return `${unit && number < 99.5 ? number.toPrecision(2) : Math.round(number)} ${units[unit]}`;
}

export function sum(counts) {
  return Object.values(counts).reduce((total, number) => total + number, 0);
}

/** { refused: 2, timeout: 1 } as "refused 2, timeout 1". */
export function byCause(counts) {
  const words = Object.entries(counts).filter(([, number]) => number).map(([cause, number]) => `${cause.replaceAll("_", " ")} ${number}`);
  return words.join(", ") || "none";
}
