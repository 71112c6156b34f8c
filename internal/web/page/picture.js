// The picture with the skeletons over it, as the program's own drawings show
// them: the person's left blue, right orange, joints with a low score faint.
export const sideColors = ["#f2f2f2", "#1f8fff", "#ff8c1a"];

export function drawPicture(canvas, bitmap, note) {
  const width = bitmap ? bitmap.width : note.width_px;
  const height = bitmap ? bitmap.height : note.height_px;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  if (bitmap) context.drawImage(bitmap, 0, 0);
  else context.clearRect(0, 0, width, height);
  // Joints are in px of the video, whose pixel centres are whole numbers; the JPEG may be smaller.
  const sx = width / note.width_px, sy = height / note.height_px;
  for (const person of note.people) drawPerson(context, person, person.px.map(([x, y]) => [(x + 0.5) * sx, (y + 0.5) * sy]));
}

function drawPerson(context, person, px) {
  const ys = px.map((p) => p[1]), xs = px.map((p) => p[0]);
  const size = Math.max(Math.max(...ys) - Math.min(...ys), Math.max(...xs) - Math.min(...xs));
  const stroke = Math.max(1.5, 0.014 * size);
  context.lineCap = "round";
  const line = (from, to, wide, color) => {
    context.strokeStyle = color;
    context.lineWidth = wide;
    context.beginPath();
    context.moveTo(...px[from]);
    context.lineTo(...px[to]);
    context.stroke();
  };
  person.bones.forEach(([from, to], i) => {
    context.globalAlpha = Math.min(person.alpha[from], person.alpha[to]);
    line(from, to, stroke * 1.6, "rgba(16, 16, 16, 0.55)");
    line(from, to, stroke, sideColors[person.sides[i]]);
  });
  context.globalAlpha = 1;
  const top = px.reduce((a, b) => (b[1] < a[1] ? b : a));
  const height = Math.max(11, Math.min(0.09 * size, 0.05 * context.canvas.height));
  context.font = `bold ${height}px system-ui, sans-serif`;
  context.textAlign = "center";
  const text = String(person.id) + (person.interpolated ? " …" : "");
  const half = context.measureText(text).width / 2 + 0.3 * height;
  const x = Math.min(Math.max(top[0], half), context.canvas.width - half);
  const y = Math.max(1.2 * height, top[1] - 2 * stroke - 0.3 * height);
  context.fillStyle = "rgba(16, 16, 16, 0.7)";
  context.fillRect(x - half, y - height, 2 * half, 1.2 * height);
  context.fillStyle = "#f2f2f2";
  context.fillText(text, x, y);
}
