//! Tells the crate when it is built for a sanitizer, which the stable compiler does not tell it.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(heap_core_sanitized)");
    if std::env::var_os("CARGO_CFG_SANITIZE").is_some() {
        println!("cargo::rustc-cfg=heap_core_sanitized");
    }
}
