"use strict";
// The 3D view of one picture's people. Positions are mm before the camera:
// x right, y down, z away. Nothing is loaded from anywhere.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const canvas = document.getElementById("scene");
  const hint = document.getElementById("hint");
  const ring = document.getElementById("ring");
  const image = document.querySelector("#photo img");
  const ink = canvas.getContext("2d");
  const view = { yaw: 30, pitch: 18, zoom: 1 };
  let chosen = -1; // the person looked at, -1 for everybody
  let shown = []; // joints as drawn: {x, y, person, joint}

  const joints = data.people.flatMap(p => p.joints.map(j => j.mm));
  const round = (lo, hi, step) => [Math.floor(lo / step) * step, Math.max(Math.ceil(hi / step) * step, Math.floor(lo / step) * step + step)];
  const span = (list, axis) => list.length
    ? [Math.min(...list.map(m => m[axis])), Math.max(...list.map(m => m[axis]))]
    : [[-1000, 1000], [-1500, 0], [1000, 3000]][axis];
  const everywhere = [0, 1, 2].map(axis => span(joints, axis));
  const floor = everywhere[1][1];
  const longest = Math.max(...everywhere.map(([lo, hi]) => hi - lo));
  const step = [100, 250, 500, 1000, 2500, 5000, 10000, 50000, 100000].find(s => longest / s <= 8) || longest / 8;
  const [floorX, floorZ] = [0, 2].map(axis => round(...everywhere[axis], step));

  // focus is the middle and the half diagonal of what is looked at.
  function focus() {
    const list = chosen < 0 ? joints : data.people[chosen].joints.map(j => j.mm);
    const spans = [0, 1, 2].map(axis => span(list, axis));
    return {
      middle: spans.map(([lo, hi]) => (lo + hi) / 2),
      radius: Math.max(500, Math.hypot(...spans.map(([lo, hi]) => hi - lo)) / 2),
    };
  }

  // projector turns mm into canvas px, with a little perspective.
  function projector(width, height) {
    const { middle, radius } = focus();
    const yaw = view.yaw * Math.PI / 180, pitch = view.pitch * Math.PI / 180;
    const far = radius * 5;
    const scale = view.zoom * 0.4 * Math.min(width, height) / radius;
    return mm => {
      const [x, y, z] = mm.map((v, i) => v - middle[i]);
      const h = x * Math.cos(yaw) + z * Math.sin(yaw), d = -x * Math.sin(yaw) + z * Math.cos(yaw);
      const v = y * Math.cos(pitch) - d * Math.sin(pitch), away = y * Math.sin(pitch) + d * Math.cos(pitch);
      const f = scale * far / Math.max(far * 0.1, far + away);
      return { x: width / 2 + h * f, y: height / 2 + v * f, away, f };
    };
  }

  function colours() {
    const style = getComputedStyle(document.documentElement);
    const of = name => style.getPropertyValue("--" + name).trim();
    return { left: of("left"), right: of("right"), middle: of("middle"), grid: of("grid"), floor: of("floor"), ink: of("soft"), paper: of("paper"), shadow: of("shadow") };
  }

  function stroke(a, b, width, colour, alpha) {
    ink.globalAlpha = alpha;
    ink.strokeStyle = colour;
    ink.lineWidth = width;
    ink.beginPath();
    ink.moveTo(a.x, a.y);
    ink.lineTo(b.x, b.y);
    ink.stroke();
    ink.globalAlpha = 1;
  }

  function drawFloor(at, c) {
    const corners = [[floorX[0], floorZ[0]], [floorX[1], floorZ[0]], [floorX[1], floorZ[1]], [floorX[0], floorZ[1]]].map(([x, z]) => at([x, floor, z]));
    ink.fillStyle = c.floor;
    ink.beginPath();
    corners.forEach((p, i) => i ? ink.lineTo(p.x, p.y) : ink.moveTo(p.x, p.y));
    ink.fill();
    ink.fillStyle = c.ink;
    ink.font = "12px system-ui, sans-serif";
    ink.textAlign = "center";
    const label = (p, text) => ink.fillText(text, p.x, p.y);
    const near = at([floorX[0], floor, floorZ[0]]).away < at([floorX[0], floor, floorZ[1]]).away ? 0 : 1;
    const side = at([floorX[0], floor, floorZ[0]]).away < at([floorX[1], floor, floorZ[0]]).away ? 0 : 1;
    const out = 0.35 * step;
    for (let x = floorX[0]; x <= floorX[1] + 1; x += step) {
      stroke(at([x, floor, floorZ[0]]), at([x, floor, floorZ[1]]), 1, c.grid, 1);
      label(at([x, floor, floorZ[near] + (near ? out : -out)]), (x / 1000).toFixed(step < 1000 ? 2 : 0));
    }
    for (let z = floorZ[0]; z <= floorZ[1] + 1; z += step) {
      stroke(at([floorX[0], floor, z]), at([floorX[1], floor, z]), 1, c.grid, 1);
      label(at([floorX[side] + (side ? out : -out), floor, z]), (z / 1000).toFixed(step < 1000 ? 2 : 0));
    }
    label(at([(floorX[0] + floorX[1]) / 2, floor, floorZ[near] + (near ? 3 : -3) * out]), "x, m");
    label(at([floorX[side] + (side ? 3.4 : -3.4) * out, floor, (floorZ[0] + floorZ[1]) / 2]), "z, m");
  }

  function draw() {
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    ink.lineCap = "round";
    const c = colours(), at = projector(width, height);
    drawFloor(at, c);
    shown = [];
    const bones = [];
    data.people.forEach((person, p) => {
      const faint = chosen >= 0 && chosen !== p ? 0.25 : 1;
      const points = person.joints.map(j => at(j.mm));
      person.joints.forEach((j, i) => shown.push({ ...points[i], person: p, joint: i, faint: faint * j.alpha, side: j.side }));
      for (const b of person.bones) {
        const [from, to] = [person.joints[b.from], person.joints[b.to]];
        stroke(at([from.mm[0], floor, from.mm[2]]), at([to.mm[0], floor, to.mm[2]]), 4, c.shadow, faint);
        bones.push({ from: points[b.from], to: points[b.to], side: b.side, alpha: faint * Math.min(from.alpha, to.alpha) });
      }
    });
    bones.sort((a, b) => b.from.away + b.to.away - a.from.away - a.to.away);
    for (const b of bones) {
      const thick = Math.max(2, Math.min(9, 26 * (b.from.f + b.to.f) / 2));
      stroke(b.from, b.to, thick + 2, c.paper, 0.7);
      stroke(b.from, b.to, thick, c[b.side], b.alpha);
    }
    for (const j of shown) {
      ink.globalAlpha = j.faint;
      ink.fillStyle = c[j.side];
      ink.beginPath();
      ink.arc(j.x, j.y, Math.max(2.5, Math.min(6, 20 * j.f)), 0, 2 * Math.PI);
      ink.fill();
    }
    ink.globalAlpha = 1;
    ink.fillStyle = c.ink;
    if (data.people.length > 1) data.people.forEach((_, p) => {
      const top = shown.filter(j => j.person === p).sort((a, b) => a.y - b.y)[0];
      if (top) ink.fillText(p + 1, top.x, top.y - 10);
    });
    // What is on the canvas, for assistive technology and for tests.
    Object.assign(canvas.dataset, { people: data.people.length, bones: bones.length, yaw: view.yaw.toFixed(1), pitch: view.pitch.toFixed(1), zoom: view.zoom.toFixed(2) });
  }

  function turn(dx, dy) {
    view.yaw = ((view.yaw - dx * 0.4 + 540) % 360) - 180;
    view.pitch = Math.max(-90, Math.min(90, view.pitch + dy * 0.4));
    draw();
  }

  function zoom(factor) {
    view.zoom = Math.max(0.2, Math.min(20, view.zoom * factor));
    draw();
  }

  // point shows the name of the joint, in the 3D view and as a ring on the picture.
  function point(found) {
    hint.hidden = !found;
    if (ring) ring.hidden = !found;
    if (!found) return;
    const joint = data.people[found.person].joints[found.joint];
    const who = data.people.length > 1 ? "person " + (found.person + 1) + ", " : "";
    hint.textContent = who + joint.name + " (score " + joint.score + "): " + joint.mm.map(v => Math.round(v)).join(", ") + " mm";
    hint.style.left = Math.max(0, Math.min(found.x + 12, canvas.clientWidth - hint.offsetWidth)) + "px";
    hint.style.top = Math.max(0, found.y - 32) + "px";
    if (ring && image) {
      ring.style.left = 100 * (joint.px[0] + 0.5) / data.width + "%";
      ring.style.top = 100 * (joint.px[1] + 0.5) / data.height + "%";
    }
  }

  function nearest(list, x, y, within) {
    let best = null, least = within;
    for (const j of list) {
      const d = Math.hypot(j.x - x, j.y - y);
      if (d < least) [best, least] = [j, d];
    }
    return best;
  }

  const fingers = new Map();
  const apart = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a.x - b.x, a.y - b.y); };
  canvas.addEventListener("pointerdown", e => fingers.set(e.pointerId, { x: e.clientX, y: e.clientY }));
  window.addEventListener("pointermove", e => {
    const old = fingers.get(e.pointerId);
    if (!old) return;
    const before = fingers.size === 2 ? apart() : 0;
    const [dx, dy] = [e.clientX - old.x, e.clientY - old.y];
    [old.x, old.y] = [e.clientX, e.clientY];
    if (fingers.size === 1) turn(dx, dy);
    else if (before > 0) zoom(apart() / before);
  });
  for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, e => fingers.delete(e.pointerId));
  canvas.addEventListener("pointermove", e => {
    const r = canvas.getBoundingClientRect();
    point(fingers.size ? null : nearest(shown, e.clientX - r.left, e.clientY - r.top, 14));
  });
  canvas.addEventListener("pointerleave", () => point(null));
  canvas.addEventListener("wheel", e => { e.preventDefault(); zoom(Math.exp(-e.deltaY * 0.001)); }, { passive: false });
  canvas.addEventListener("keydown", e => {
    const keys = { ArrowLeft: [-20, 0], ArrowRight: [20, 0], ArrowUp: [0, 20], ArrowDown: [0, -20] };
    if (keys[e.key]) { e.preventDefault(); turn(...keys[e.key]); }
    if (e.key === "+") zoom(1.2);
    if (e.key === "-") zoom(1 / 1.2);
  });
  if (image) {
    image.addEventListener("pointermove", e => {
      const r = image.getBoundingClientRect();
      const list = shown.map(j => {
        const [x, y] = data.people[j.person].joints[j.joint].px;
        return { shown: j, x: (x + 0.5) / data.width * r.width, y: (y + 0.5) / data.height * r.height };
      });
      const found = nearest(list, e.clientX - r.left, e.clientY - r.top, 14);
      point(found && found.shown);
    });
    image.addEventListener("pointerleave", () => point(null));
  }
  for (const b of document.querySelectorAll("nav button")) b.addEventListener("click", () => {
    Object.assign(view, { yaw: +b.dataset.yaw, pitch: +b.dataset.pitch, zoom: 1 });
    draw();
  });

  const rows = document.getElementById("people");
  data.people.forEach((p, i) => {
    const row = rows.insertRow();
    for (const text of [i + 1, p.box.map(v => v.toFixed(0)).join(", "), p.root, p.distance, p.depthBy, p.score.toFixed(2)]) row.insertCell().textContent = text;
    row.addEventListener("click", () => {
      chosen = chosen === i ? -1 : i;
      [...rows.rows].forEach((r, k) => r.classList.toggle("chosen", k === chosen));
      draw();
    });
  });
  if (!data.people.length) rows.insertRow().insertCell().textContent = "nobody in the picture";

  window.addEventListener("resize", draw);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
})();
