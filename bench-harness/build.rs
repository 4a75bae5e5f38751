//! What only the build knows: which compiler, which commit.
//!
//! A measurement without them cannot be repeated. Both are best effort: a source archive has no commit, and then the
//! record says `null` instead of guessing. The commit is that of the checkout when this crate was compiled; git's
//! reflog is watched so that it follows commits that change only other crates.

use std::process::Command;

fn main() {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    if let Some(version) = first_line(Command::new(compiler).arg("--version")) {
        println!("cargo:rustc-env=BENCH_RUSTC={version}");
    }
    if let Some(commit) = first_line(Command::new("git").args(["rev-parse", "--short=12", "HEAD"])) {
        println!("cargo:rustc-env=BENCH_COMMIT={commit}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    for log in ["HEAD", "logs/HEAD"] {
        if let Some(path) = first_line(Command::new("git").args(["rev-parse", "--git-path", log]))
            && std::path::Path::new(&path).exists()
        {
            println!("cargo:rerun-if-changed={path}");
        }
    }
}

/// The first line that a command prints, if it runs and succeeds.
fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned).filter(|line| !line.is_empty())
}
