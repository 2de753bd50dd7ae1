"use strict";
document.documentElement.classList.add("live");
const heat = document.getElementById("heat");
const opacity = document.getElementById("opacity");
if (opacity) {
  const show = () => {
    heat.setAttribute("opacity", opacity.value / 100);
    document.getElementById("opacity-value").value = opacity.value + "%";
    opacity.setAttribute("aria-valuetext", opacity.value + " percent");
  };
  opacity.addEventListener("input", show);
  show();
}
for (const choice of document.querySelectorAll("input[name=layer]")) {
  choice.addEventListener("change", () => {
    for (const layer of heat.children) layer.classList.toggle("off", layer.id !== "heat-" + choice.value);
  });
}
const faces = document.getElementById("show-faces");
if (faces) {
  faces.addEventListener("change", () => {
    document.getElementById("faces").classList.toggle("off", !faces.checked);
  });
}
const cursor = document.getElementById("cursor");
for (const thumb of document.querySelectorAll(".thumb")) {
  const point = () => {
    if (!cursor) return;
    cursor.setAttribute("x1", thumb.dataset.x);
    cursor.setAttribute("x2", thumb.dataset.x);
    cursor.setAttribute("visibility", "visible");
  };
  for (const moment of ["pointerenter", "focus", "click"]) thumb.addEventListener(moment, point);
}
