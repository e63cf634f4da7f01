// Numbers, sizes, durations and moments as people read them.

const NUMBER = new Intl.NumberFormat("en-US");
const NOTHING = "–";

function count(number) {
  return number === null || number === undefined ? NOTHING : NUMBER.format(number);
}

function plural(number, one, several = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : several}`;
}

function seconds(value) {
  if (value === null || value === undefined) return NOTHING;
  if (value < 0) return `-${seconds(-value)}`;
  if (value === 0) return "0 s";
  if (value < 0.01) return `${(value * 1000).toFixed(1)} ms`;
  if (value < 0.1) return `${(value * 1000).toFixed(0)} ms`;
  if (value < 1) return `${value.toFixed(2)} s`;
  if (value < 10) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  if (whole < 60) return `${whole} s`;
  const parts = (all, large, small) =>
    `${count(Math.floor(all / 60))} ${large}` + (all % 60 ? ` ${all % 60} ${small}` : "");
  return whole < 3600 ? parts(whole, "min", "s") : parts(Math.round(value / 60), "h", "min");
}

function bytes(value) {
  if (value === null || value === undefined) return NOTHING;
  if (value < 1000) return `${value} B`;
  for (const [unit, size] of [["kB", 1e3], ["MB", 1e6], ["GB", 1e9], ["TB", 1e12]]) {
    if (value < size * 999.5 || unit === "TB") {
      const number = value / size;
      return `${number < 9.95 ? number.toFixed(1) : count(Math.round(number))} ${unit}`;
    }
  }
}

function moment(text) {
  return text ? `${text.slice(0, 10)} ${text.slice(11, 16)} UTC` : NOTHING;
}

function percent(share) {
  if (share === null || share === undefined) return NOTHING;
  return share > 0 && share < 0.01 ? "< 1 %" : `${Math.round(share * 100)} %`;
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
