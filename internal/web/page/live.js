// The live page: takes messages from the WebSocket, draws the picture with the
// skeletons on one canvas and the people in space on the other.
import { Space } from "./space.js";
import { drawPicture } from "./picture.js";

const element = (id) => document.getElementById(id);
const space = new Space(element("space"));
const state = element("state");
let paused = false;
let newest = null; // message that waits for the next redraw
let shown = null; // what is on the screen
let socket = null;

// A message is: 4 bytes length of the JSON, the JSON, a JPEG. See message.go.
function parse(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const note = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const jpeg = buffer.byteLength > 4 + length ? new Blob([new Uint8Array(buffer, 4 + length)], { type: "image/jpeg" }) : null;
  return { note, jpeg };
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}/live${location.search}`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => say("waiting for a frame …", false);
  socket.onmessage = (event) => {
    newest = event.data;
    requestAnimationFrame(draw);
  };
  socket.onclose = (event) => {
    say(event.code === 1000 ? "the video is over" : "no connection to mhp; trying again …", true);
    setTimeout(connect, 2000);
  };
}

function say(text, bad) {
  state.value = text;
  state.classList.toggle("bad", bad);
}

async function draw() {
  if (!newest) return;
  const buffer = newest;
  newest = null;
  try {
    if (!paused) await show(parse(buffer));
  } finally {
    // Only now the next message is sent: a slow page stays live and costs nobody anything.
    if (socket.readyState === WebSocket.OPEN) socket.send("drawn");
  }
}

async function show({ note, jpeg }) {
  const bitmap = jpeg ? await createImageBitmap(jpeg) : null;
  if (!note.people) note.people = [];
  drawPicture(element("picture"), bitmap, note);
  bitmap?.close();
  space.show(note.people);
  shown = note;
  document.body.dataset.frame = note.frame;
  const people = note.people.length === 1 ? "1 person" : `${note.people.length} people`;
  say(`${note.name} · ${people}`, false);
  const delay = note.delay_ms >= 0 ? ` · delay ${note.delay_ms.toFixed(0)} ms` : "";
  element("figures").value = `frame ${note.frame} · ${note.time_s.toFixed(2)} s · ${note.fps.toFixed(1)} frames/s${delay}`;
  element("warning").hidden = note.trained;
}

function press(id, on) {
  element(id).setAttribute("aria-pressed", String(on));
}

const actions = {
  pause() { paused = !paused; press("pause", paused); },
  turn() { space.turning = !space.turning; press("turn", space.turning); },
  reset() { space.reset(); },
};
for (const [id, act] of Object.entries(actions)) element(id).addEventListener("click", act);
addEventListener("keydown", (event) => {
  const act = { " ": "pause", t: "turn", r: "reset" }[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault(); // space would press the button that has the focus as well
  actions[act]();
});
// A page in the background draws no frames; on its return it must not sit on old ones.
addEventListener("visibilitychange", () => { if (!document.hidden) requestAnimationFrame(draw); });

connect();
