// The people in space, in metres with y up: x right, z towards the camera, as
// seen from behind the camera until somebody turns the view.
import {
  CanvasTexture, Color, CylinderGeometry, DirectionalLight, GridHelper, Group, HemisphereLight, Mesh,
  MeshLambertMaterial, PerspectiveCamera, Quaternion, Scene, SphereGeometry, Sprite, SpriteMaterial, Vector3, WebGLRenderer,
} from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import { sideColors } from "./picture.js";

const boneRadius = 0.022, jointRadius = 0.03; // metres
const up = new Vector3(0, 1, 0);

export class Space {
  turning = false;
  #people = new Map(); // id -> Person
  #floor = null; // height in metres, of the lowest joint of late
  #centre = null;
  #changed = true;

  constructor(canvas) {
    this.canvas = canvas;
    this.scene = new Scene();
    this.scene.background = new Color("#0d0f12");
    this.scene.add(new HemisphereLight("#ffffff", "#555a60", 2.2));
    const sun = new DirectionalLight("#ffffff", 1.6);
    sun.position.set(2, 4, 3);
    this.scene.add(sun);
    this.grid = new GridHelper(6, 6, "#76808a", "#4a535c");
    this.grid.visible = false;
    this.scene.add(this.grid);
    this.camera = new PerspectiveCamera(45, 1, 0.05, 200);
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.maxPolarAngle = 0.49 * Math.PI; // not from under the floor
    this.controls.addEventListener("change", () => this.#redraw());
    try {
      this.renderer = new WebGLRenderer({ canvas, antialias: true });
    } catch {
      canvas.replaceWith("This browser shows no WebGL, so there is no view in 3D.");
      return;
    }
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.#resize();
    this.#turn();
  }

  // reset looks from behind the camera, a little from above, at the people.
  reset() {
    this.#centre = null;
    this.#redraw();
  }

  // show takes the people of a message; whoever is not among them goes.
  show(people) {
    if (!this.renderer) return;
    const here = new Set();
    let lowest = Infinity;
    const middle = new Vector3();
    for (const one of people) {
      here.add(one.id);
      const at = one.mm.map(([x, y, z]) => new Vector3(x, -y, -z).multiplyScalar(0.001));
      if (!this.#people.has(one.id)) {
        const made = new Person(one);
        this.#people.set(one.id, made);
        this.scene.add(made.group);
      }
      this.#people.get(one.id).move(one, at);
      for (const p of at) {
        lowest = Math.min(lowest, p.y);
        middle.addScaledVector(p, 1 / (at.length * people.length));
      }
    }
    for (const [id, person] of this.#people) {
      if (here.has(id)) continue;
      this.scene.remove(person.group);
      person.dispose();
      this.#people.delete(id);
    }
    if (people.length > 0) this.#follow(middle, lowest);
    this.#redraw();
  }

  // follow keeps floor and view steady: both creep after the people.
  #follow(middle, lowest) {
    this.#floor = this.#floor === null || lowest < this.#floor ? lowest : this.#floor + 0.02 * (lowest - this.#floor);
    this.grid.visible = true;
    this.grid.position.set(Math.round(middle.x), this.#floor, Math.round(middle.z));
    if (!this.#centre) {
      this.#centre = middle.clone();
      this.controls.target.copy(middle);
      this.camera.position.set(middle.x + 0.6, middle.y + 0.7, middle.z + 3.6);
      this.controls.update();
      return;
    }
    const step = middle.clone().sub(this.#centre).multiplyScalar(0.08);
    this.#centre.add(step);
    this.controls.target.add(step);
    this.camera.position.add(step);
    this.controls.update();
  }

  // Every frame of the screen: goes round while asked to, and draws if anything changed.
  #turn() {
    this.controls.autoRotate = this.turning;
    if (this.turning) this.controls.update();
    if (this.#changed) this.renderer.render(this.scene, this.camera);
    this.#changed = false;
    requestAnimationFrame(() => this.#turn());
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.#redraw();
  }

  #redraw() {
    this.#changed = true;
  }
}

const bone = new CylinderGeometry(boneRadius, boneRadius, 1, 10);
const ball = new SphereGeometry(jointRadius, 14, 10);

class Person {
  group = new Group();

  constructor(one) {
    const paint = (side) => new MeshLambertMaterial({ color: sideColors[side], transparent: true });
    this.bones = one.bones.map((_, i) => new Mesh(bone, paint(one.sides[i])));
    const sideOf = new Map();
    one.bones.forEach(([from, to], i) => {
      if (!sideOf.has(from)) sideOf.set(from, 0);
      sideOf.set(to, one.sides[i]);
    });
    this.balls = one.mm.map((_, j) => new Mesh(ball, paint(sideOf.get(j) ?? 0)));
    this.label = label(String(one.id));
    this.group.add(...this.bones, ...this.balls, this.label);
  }

  move(one, at) {
    one.bones.forEach(([from, to], i) => {
      const mesh = this.bones[i];
      if (!mesh) return;
      const along = at[to].clone().sub(at[from]);
      const length = Math.max(along.length(), 1e-4);
      mesh.position.copy(at[from]).addScaledVector(along, 0.5);
      mesh.scale.set(1, length, 1);
      mesh.quaternion.copy(new Quaternion().setFromUnitVectors(up, along.divideScalar(length)));
      mesh.material.opacity = Math.min(one.alpha[from], one.alpha[to]);
    });
    at.forEach((p, j) => {
      if (!this.balls[j]) return;
      this.balls[j].position.copy(p);
      this.balls[j].material.opacity = one.alpha[j];
    });
    const top = at.reduce((a, b) => (b.y > a.y ? b : a));
    this.label.position.copy(top).y += 0.18;
  }

  dispose() {
    for (const mesh of [...this.bones, ...this.balls]) mesh.material.dispose();
    this.label.material.map.dispose();
    this.label.material.dispose();
  }
}

function label(text) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 128, height: 64 });
  const context = canvas.getContext("2d");
  context.font = "bold 52px system-ui, sans-serif";
  context.textAlign = "center";
  context.fillStyle = "#f2f2f2";
  context.fillText(text, 64, 50);
  const sprite = new Sprite(new SpriteMaterial({ map: new CanvasTexture(canvas), depthTest: false }));
  sprite.scale.set(0.3, 0.15, 1);
  return sprite;
}
