// What pages do beyond plain HTML. Each works without it, only less smoothly.
"use strict";

const body = document.body;
const csrf = () => document.querySelector('input[name="csrf"]')?.value ?? "";

// On a wide screen the menu is always there.
const wide = matchMedia("(min-width: 60rem)");
const menu = document.querySelector("details.menu");
const fitMenu = () => { if (menu) menu.open = wide.matches; };
wide.addEventListener("change", fitMenu);
fitMenu();

// A notice is told once: reloading does not tell it again.
const address = new URL(location.href);
if (address.searchParams.has("told")) {
  address.searchParams.delete("told");
  history.replaceState(history.state, "", address);
}

document.querySelector("[data-focus]")?.scrollIntoView({ block: "center" });
document.querySelector('[aria-invalid="true"]')?.focus({ preventScroll: true });

function tell(text, tone) {
  const notice = document.createElement("p");
  notice.className = `notice ${tone}`;
  notice.textContent = text;
  document.getElementById("notices").replaceChildren(notice);
  notice.scrollIntoView({ block: "nearest" });
}

// Colours at once, without a reload.
for (const button of document.querySelectorAll('button[name="theme"]')) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    document.documentElement.dataset.theme = button.value;
    for (const other of document.querySelectorAll('button[name="theme"]')) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    fetch("/preferences", { method: "POST", redirect: "manual", body: new URLSearchParams({ theme: button.value, back: "/" }) });
  });
}

// Changes that are not saved.
let dirty = null;
const stateOf = (form) => new URLSearchParams(new FormData(form)).toString();
for (const form of document.querySelectorAll("form[data-guard]")) {
  const before = form.querySelector("[aria-invalid]") || document.querySelector("[data-focus]") ? null : stateOf(form);
  const note = form.querySelector("[data-dirty-note]");
  const look = () => {
    const changed = stateOf(form) !== before;
    if (note) note.hidden = !changed;
    if (changed) dirty = form;
    else if (dirty === form) dirty = null;
  };
  form.addEventListener("input", look);
  form.addEventListener("submit", () => { dirty = null; });
  if (before === null) look();
}
addEventListener("beforeunload", (event) => {
  if (!dirty) return;
  event.preventDefault();
  event.returnValue = body.dataset.unsaved;
});

// Copying a secret.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = body.dataset.copied;
  });
}

// Long lists of channels and roles.
for (const options of document.querySelectorAll("[data-filter]")) {
  if (options.children.length < 8) continue;
  const find = document.createElement("input");
  find.type = "search";
  find.placeholder = options.dataset.filter;
  find.setAttribute("aria-label", options.dataset.filter);
  find.addEventListener("input", (event) => {
    event.stopPropagation();
    const wanted = find.value.toLowerCase();
    for (const option of options.children) {
      option.hidden = !option.textContent.toLowerCase().includes(wanted);
    }
  });
  options.before(find);
}

// Files: dropped or chosen, each sent by itself, so that one that is refused does not hold up the others.
const upload = document.querySelector("form[data-upload]");
if (upload) {
  const input = upload.querySelector('input[type="file"]');
  const drop = upload.querySelector("[data-drop]");
  const list = upload.querySelector("[data-uploads]");
  const button = upload.querySelector("button");
  const waiting = [];
  let running = 0;

  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  for (const kind of ["dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.remove("over"); });
  }
  drop.addEventListener("drop", (event) => take(event.dataTransfer.files));
  input.addEventListener("change", () => { take(input.files); input.value = ""; });
  upload.addEventListener("submit", (event) => { event.preventDefault(); input.click(); });
  button.textContent = button.dataset.choose;
  // The field itself has a name for the files that it no longer holds once they are sent.
  drop.classList.add("easy");

  function take(files) {
    for (const file of files) {
      const row = document.createElement("li");
      row.className = "upload";
      const name = document.createElement("b");
      name.textContent = file.name;
      const words = document.createElement("span");
      words.append(name, ` ${list.dataset.sending}`);
      const bar = document.createElement("progress");
      bar.max = 1;
      bar.value = 0;
      bar.setAttribute("aria-label", file.name);
      row.append(words, bar);
      list.append(row);
      waiting.push({ file, row, bar });
    }
    dirty = waiting.length ? upload : dirty;
    while (running < 2 && waiting.length) send(waiting.shift());
  }

  function send({ file, row, bar }) {
    running += 1;
    const form = new FormData();
    form.append("csrf", csrf());
    form.append("file", file, file.name);
    const request = new XMLHttpRequest();
    request.open("POST", upload.getAttribute("action"));
    request.setRequestHeader("HX-Request", "true");
    request.setRequestHeader("X-CSRF-Token", csrf());
    request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) bar.value = event.loaded / event.total; });
    request.addEventListener("loadend", () => {
      running -= 1;
      const gone = request.getResponseHeader("HX-Redirect");
      if (gone) location.assign(gone);
      else if (request.status === 200 || request.status === 422) row.outerHTML = request.responseText;
      else {
        row.className = "upload bad";
        row.textContent = `${file.name}: ${body.dataset.failed}`;
      }
      if (waiting.length) send(waiting.shift());
      else if (!running) {
        dirty = null;
        upload.querySelector("[data-uploads-done]").hidden = false;
      }
    });
    request.send(form);
  }
}

// The playground: Enter asks, Shift and Enter begins a new line.
const chat = document.querySelector("form[data-chat]");
if (chat) {
  const question = chat.querySelector("textarea");
  question.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (question.value.trim()) chat.requestSubmit();
    }
  });
  for (const chip of document.querySelectorAll(".chip")) {
    chip.addEventListener("click", (event) => {
      event.preventDefault();
      question.value = chip.value;
      chat.requestSubmit();
    });
  }
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target === chat) question.readOnly = true;
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.target !== chat) return;
    question.readOnly = false;
    if (event.detail.successful) question.value = "";
    question.focus();
    document.querySelector("#chat > :last-child")?.scrollIntoView({ block: "start" });
  });
}

document.addEventListener("htmx:sendError", () => tell(body.dataset.failed, "bad"));
document.addEventListener("htmx:responseError", () => tell(body.dataset.failed, "bad"));
