'use strict';

const HELD = 250; // milliseconds that an epoch stays while playing
const find = (id) => document.getElementById(id);
const data = JSON.parse(find('data').textContent);
const slider = find('epoch');
const button = find('play');
const followers = [];
let timer = null;

// Of [[epoch, value], ...], ascending, the last pair that is not after the epoch, if there is one.
function latest(pairs, epoch) {
  return pairs.findLast((pair) => pair[0] <= epoch);
}

function followPictures(figure, pairs) {
  const image = figure.querySelector('img');
  const caption = figure.querySelector('.shown');
  followers.push((epoch) => {
    const found = latest(pairs, epoch);
    image.style.visibility = found ? 'visible' : 'hidden';
    if (found) image.src = found[1];
    caption.textContent = found ? 'epoch ' + found[0] : 'no picture yet';
  });
}

function drawRun(run) {
  const heading = document.createElement('h3');
  const curves = document.createElement('div');
  heading.textContent = run.name;
  curves.className = 'curves';
  for (const { name, points } of run.curves) curves.append(drawCurve(run.name, name, points));
  find('curves').append(heading, curves);
}

function drawCurve(run, name, points) {
  const curve = find('curve').content.cloneNode(true).firstElementChild;
  const values = points.map((point) => point[1]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [first, last] = [points[0][0], points.at(-1)[0]];
  // The epochs by their logarithm, as on the slider; one point alone lies at the left.
  const x = (epoch) => (100 * Math.log(epoch / first)) / (Math.log(last / first) || 1);
  const y = (value) => (100 * (high - value)) / (high - low || 1);
  const line = points.map(([epoch, value]) => x(epoch) + ',' + y(value));
  curve.querySelector('polyline').setAttribute('points', line.join(' '));
  curve.querySelector('svg').setAttribute('aria-label', run + ': ' + name + ' by epoch');
  label(curve, { name, high: short(high), low: short(low), first, last });
  followCurve(curve, points, x);
  return curve;
}

function label(curve, texts) {
  for (const [name, text] of Object.entries(texts)) {
    curve.querySelector('.' + name).textContent = text;
  }
}

function followCurve(curve, points, x) {
  const marker = curve.querySelector('line');
  followers.push((epoch) => {
    const found = latest(points, epoch);
    marker.style.visibility = found ? 'visible' : 'hidden';
    if (found) marker.setAttribute('x1', x(found[0]));
    if (found) marker.setAttribute('x2', x(found[0]));
    label(curve, { value: found ? short(found[1]) : '' });
  });
}

function short(value) {
  return String(Number(value.toPrecision(4)));
}

function show(index) {
  slider.value = index; // which keeps it in range
  const epoch = data.epochs[slider.value];
  slider.setAttribute('aria-valuetext', 'epoch ' + epoch);
  find('now').textContent = epoch;
  for (const follow of followers) follow(epoch);
}

function step(by) {
  show(Number(slider.value) + by);
}

function ended() {
  return slider.value === slider.max;
}

function pause() {
  clearInterval(timer);
  timer = null;
  button.textContent = 'Play';
}

function play() {
  if (ended()) show(0);
  button.textContent = 'Pause';
  timer = setInterval(() => {
    step(1);
    if (ended()) pause();
  }, HELD);
}

function toggle() {
  if (timer) pause();
  else play();
}

// A focused button or summary takes the space bar itself, a wide table the arrows.
function press(event) {
  const steps = { ArrowLeft: -1, ArrowRight: 1 };
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key in steps && !event.target.closest('.wide')) {
    pause();
    step(steps[event.key]);
  } else if (event.key === ' ' && !event.target.closest('button, summary')) {
    toggle();
  } else return;
  event.preventDefault();
}

document.querySelectorAll('[data-column]').forEach((figure, column) => {
  followPictures(figure, data.columns[column]);
});
data.runs.forEach(drawRun);
slider.addEventListener('input', () => {
  pause();
  show(slider.value);
});
button.addEventListener('click', toggle);
document.addEventListener('keydown', press);
show(slider.value);
