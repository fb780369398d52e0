// Keeps the page of a run up to date: new log lines while it lasts, everything once more when it is over.
(() => {
  const run = document.getElementById("run");
  if (run.dataset.over === "yes") return;
  const look = async () => {
    const now = await (await fetch(run.dataset.live)).json();
    const known = document.querySelectorAll(".job").length;
    if (now.over || Object.keys(now.jobs).length !== known) return location.reload();
    document.getElementById("state").textContent = now.state.replaceAll("_", " ");
    for (const [id, [state, log]] of Object.entries(now.jobs)) {
      const job = document.getElementById("job-" + id);
      job.querySelector("h3 .dot").className = "dot " + state;
      const pre = job.querySelector(".log");
      const following = pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 40;
      for (const [mark, words] of log.slice(pre.childElementCount)) {
        const line = document.createElement("span");
        line.className = mark;
        line.textContent = words + "\n";
        pre.append(line);
      }
      if (following) pre.scrollTop = pre.scrollHeight;
    }
    setTimeout(look, 500);
  };
  look();
})();
