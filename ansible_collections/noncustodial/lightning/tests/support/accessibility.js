// Copyright: (c) 2026, noncustodial.lightning contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
// What accessibility.py asks of a page, run by the driver beside the page's own scripts.

const number = (text) => {
  const found = text.match(/[\d.]+/g).map(Number);
  return [found[0], found[1], found[2], found[3] ?? 1];
};
const over = (top, below) => [0, 1, 2].map((at) => top[at] * top[3] + below[at] * (1 - top[3])).concat(1);
// What is painted behind an element's content.
const behind = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.push(number(getComputedStyle(at).backgroundColor));
  return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
};
const light = (colour) => {
  const [red, green, blue] = colour.slice(0, 3).map((part) => {
    const value = part / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const contrast = (one, other) => {
  const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
  return (bright + 0.05) / (dark + 0.05);
};
const shown = (element) => element.checkVisibility({ checkVisibilityCSS: true }) && element.getClientRects().length > 0;
const named = (element) => `${element.tagName.toLowerCase()}${element.id ? "#" + element.id : ""} ${element.textContent.trim().slice(0, 40)}`;

// Texts and edges of fields that do not stand out enough.
function pale() {
  const pale = [];
  const look = (element, what) => {
    const style = getComputedStyle(element), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const back = behind(element), found = contrast(over(number(style.color), back), back);
    if (found < (large ? 3 : 4.5)) pale.push(`${what}: ${found.toFixed(2)}`);
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (walk.currentNode.data.trim() && shown(element) && element.tagName !== "NOSCRIPT") look(element, named(element));
  }
  for (const field of document.querySelectorAll("input, textarea")) {
    if (!shown(field)) continue;
    look(field, named(field));
    const around = behind(field.parentElement), line = number(getComputedStyle(field).borderTopColor);
    const found = contrast(over(line, around), around);
    if (found < 3) pale.push(`the edge of ${named(field)}: ${found.toFixed(2)}`);
  }
  return pale;
}

// What is missing, twice, points nowhere, or is smaller than the target.
function faults(target) {
  const wrong = [], ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  if (!document.documentElement.lang) wrong.push("no language");
  if (!document.title.trim()) wrong.push("no title");
  if (new Set(ids).size !== ids.length) wrong.push(`an id twice: ${ids}`);
  for (const element of document.querySelectorAll("button, .button, input:not([type=hidden]), textarea, nav a, .name")) {
    if (!shown(element)) continue;
    const { width, height } = element.getBoundingClientRect();
    if (width < target || height < target) wrong.push(`small: ${named(element)} ${width} x ${height}`);
  }
  for (const element of document.querySelectorAll("[aria-describedby], [aria-labelledby], label[for]")) {
    const names = (element.getAttribute("aria-describedby") ?? element.getAttribute("aria-labelledby") ?? element.htmlFor).split(" ");
    for (const name of names) if (!document.getElementById(name)) wrong.push(`${named(element)} points to ${name}, which is not there`);
  }
  return wrong;
}

// What Tab should reach, in this order.
function stops() {
  const all = "a[href], button, input:not([type=hidden]), textarea, select, [tabindex='0']";
  return [...document.querySelectorAll(all)].filter((element) => shown(element) && !element.disabled).map(named);
}

// Where the focus is, and whether one sees that.
function stop() {
  const element = document.activeElement;
  if (element === document.body || element === document.documentElement) return null;
  const style = getComputedStyle(element), around = behind(element.parentElement), box = element.getBoundingClientRect();
  return {
    name: named(element),
    outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    contrast: contrast(over(number(style.outlineColor), around), around),
    inside: box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
  };
}
