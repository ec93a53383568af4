// Figures in words that keep their width.

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SIZES = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A whole number, with commas. @param {number} value */
export function count(value) {
  return WHOLE.format(value);
}

/** A number in four letters or so: 999, 1.2k, 34M. @param {number} value */
export function short(value) {
  if (value < 1000) return WHOLE.format(value);
  for (const unit of ["k", "M", "G", "T"]) {
    value /= 1000;
    if (value < 999.5) return (value < 9.95 ? value.toFixed(1) : value.toFixed(0)) + unit;
  }
  return `${value.toFixed(0)}T`;
}

/** Records a second. @param {number} value */
export function rate(value) {
  if (value > 0 && value < 9.95) return `${value.toFixed(1)}/s`;
  return `${short(value)}/s`;
}

/** A share, in percent. @param {number} value */
export function percent(value) {
  const figure = value * 100;
  return `${figure > 0 && figure < 1 ? "<1" : Math.min(100, Math.floor(figure + 1e-9))} %`;
}

/** Bytes. @param {number} value */
export function size(value) {
  let unit = 0;
  while (value >= 1024 && unit < SIZES.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? value.toFixed(0) : value.toFixed(1)} ${SIZES[unit]}`;
}

/** A time that has passed, in two units at most. @param {number} seconds */
export function duration(seconds) {
  if (seconds === 0) return "0 s";
  if (seconds < 0.001) return `${(seconds * 1e6).toFixed(0)} µs`;
  if (seconds < 1) return `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  if (hours < 1) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** The time of day here. @param {number} seconds since 1970 */
export function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour12: false });
}

/** Day and time of day here. @param {number} seconds since 1970 */
export function moment(seconds) {
  const date = new Date(seconds * 1000);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((each) => String(each).padStart(2, "0"));
  return `${day.join("-")} ${date.toLocaleTimeString([], { hour12: false })}`;
}

/** A number of things. @param {number} value @param {string} noun */
export function plural(value, noun) {
  return `${count(value)} ${value === 1 ? noun : `${noun}s`}`;
}

/** How full a queue is, in one word for its colour. @param {number} full 0 to 1 */
export function level(full) {
  return full >= 0.85 ? "high" : full >= 0.6 ? "middle" : "low";
}
