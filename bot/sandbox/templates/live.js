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
      if (pre.textContent !== log) {
        const following = pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 40;
        pre.textContent = log;
        if (following) pre.scrollTop = pre.scrollHeight;
      }
    }
    setTimeout(look, 500);
  };
  look();
})();
