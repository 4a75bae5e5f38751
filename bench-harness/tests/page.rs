//! The page of results in a real browser: drawn, used with keys, dressed in dark, its records saved.
//!
//! Skipped with a message where there is no Chromium. The browser opens a page of ours that holds the results in a
//! frame, does what a reader would do, and writes down what it saw; nothing but the browser is needed for that.

use std::path::Path;
use std::process::{Command, Stdio};

use bench_harness::record::reading;

const DRIVER: &str = r##"<!DOCTYPE html>
<meta charset="utf-8"><pre id="seen"></pre>
<script>
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const say = (text) => document.getElementById("seen").append(text + "\n");
async function until(what, holds) {
  for (let turn = 0; turn < 200; turn++) { if (holds()) return say("yes " + what); await wait(50); }
  say("NO " + what);
}
const frame = document.createElement("iframe");
frame.width = 400; frame.height = 900; frame.src = "results.html";
frame.onload = async () => {
  const page = frame.contentDocument, inside = frame.contentWindow;
  const charts = [...page.querySelectorAll(".chart")];
  say("charts " + charts.length);
  charts[0].scrollIntoView();
  await until("a chart that is looked at is drawn", () => charts[0].querySelector("canvas"));
  inside.dispatchEvent(new inside.Event("beforeprint"));
  await until("on paper all are", () => charts.every((chart) => chart.querySelector("canvas")));
  await until("nothing is wider than the page", () => page.documentElement.scrollWidth <= inside.innerWidth);

  const values = () => [...charts[0].querySelectorAll(".u-value")].map((value) => value.textContent);
  const key = (name) => charts[0].dispatchEvent(new inside.KeyboardEvent("keydown", { key: name, bubbles: true }));
  charts[0].scrollIntoView(); key("ArrowRight"); key("End"); key("Home");
  await until("keys move the cursor", () => values().some((value) => value !== "–" && value !== "--"));

  const boxes = [...page.querySelectorAll("#shown input")];
  say("boxes " + boxes.length);
  const off = () => page.querySelectorAll(".u-legend .u-off").length;
  boxes[0].click();
  await until("a collector can be hidden", () => off() >= 2);
  boxes[0].click();
  await until("and shown", () => off() === 0);

  const paper = () => inside.getComputedStyle(page.body).backgroundColor;
  const theme = page.getElementById("theme"), before = paper();
  for (const value of ["light", "dark"]) {
    theme.value = value; theme.dispatchEvent(new inside.Event("change"));
    say(value + " " + paper());
  }
  await until("charts are drawn again", () => charts.some((chart) => chart.querySelector("canvas")));

  let saved = null;
  inside.URL.createObjectURL = (blob) => { saved = blob; return "#"; };
  page.getElementById("save").click();
  const text = await new Response(saved.stream().pipeThrough(new DecompressionStream("gzip"))).text();
  say("records " + text.trim().split("\n").length);
  say("first " + JSON.parse(text.split("\n")[0]).workload);
  say("done");
};
document.body.append(frame);
</script>"##;

fn chromium() -> Option<&'static str> {
    let works = |name: &&str| {
        let version = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    };
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(works)
}

fn results(folder: &Path) -> usize {
    let harness = env!("CARGO_BIN_EXE_bench-harness");
    let in_folder = |name: &str| folder.join(name).to_str().expect("a temporary folder has a name").to_owned();
    let status = Command::new(harness)
        .args(["compare", "--workloads=rings,queue", "--size=small", "--collectors=marksweep,generational,refcount"])
        .args(["-n", "3", "--quiet", "--json", &in_folder("results.jsonl"), "--report", &in_folder("results.html")])
        .stdout(Stdio::null())
        .status()
        .expect("it starts");
    assert!(status.success());
    reading::read_path(&folder.join("results.jsonl")).unwrap().len()
}

#[test]
fn a_reader_uses_the_page() {
    let Some(browser) = chromium() else {
        println!("skipped: there is no Chromium");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let records = results(folder.path());
    let driver = folder.path().join("driver.html");
    std::fs::write(&driver, DRIVER).unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"])
        .args(["--virtual-time-budget=60000", "--dump-dom", "--window-size=1000,1000"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("file://{}", driver.display()))
        .stderr(Stdio::null())
        .output()
        .expect("the browser starts");
    let page = String::from_utf8_lossy(&output.stdout);
    let seen = page.split_once("<pre id=\"seen\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let (seen, _) = seen.unwrap_or_else(|| panic!("the browser showed nothing: {page}"));
    let expected = format!(
        "charts 8
yes a chart that is looked at is drawn
yes on paper all are
yes nothing is wider than the page
yes keys move the cursor
boxes 3
yes a collector can be hidden
yes and shown
light rgb(255, 255, 255)
dark rgb(20, 24, 29)
yes charts are drawn again
records {records}
first rings
done
"
    );
    assert_eq!(seen, expected);
}
