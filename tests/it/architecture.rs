//! The dependency rules: which module may import which, and what the core must not use.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each module and the modules that it may import.
fn allowed() -> BTreeMap<&'static str, &'static [&'static str]> {
    BTreeMap::from([
        ("core", &[] as &[&str]),
        ("config", &["core", "sys"]),
        ("store", &["core"]),
        ("net", &[]),
        ("sys", &["core"]),
        ("sources", &["core", "net", "sys"]),
        ("telemetry", &["core", "config"]),
        ("alerters", &["core", "config", "net", "sys"]),
        ("monitors", &["core", "sys", "sources"]),
        ("engine", &["core", "config", "net", "sys", "sources", "monitors", "alerters", "store", "telemetry"]),
        ("http", &["core", "config", "sys", "store", "engine", "telemetry"]),
        ("tray", &["core", "engine", "http", "sys"]),
        ("demo", &[]),
        (
            "app",
            &[
                "core",
                "config",
                "net",
                "sys",
                "sources",
                "telemetry",
                "monitors",
                "alerters",
                "store",
                "engine",
                "http",
                "tray",
            ],
        ),
        (
            "cli",
            &[
                "core", "config", "net", "sys", "sources", "monitors", "alerters", "store", "engine", "http", "tray",
                "app", "demo",
            ],
        ),
    ])
}

/// Code with these words uses a clock, a file, a network, the environment, a thread or a secret.
const IMPURE: [&str; 23] = [
    "tokio",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::io",
    "std::os",
    "std::sync",
    "std::time",
    "SystemTime",
    "Instant",
    "Timestamp::now",
    "ZonedDateTime::now",
    "TimeZone::system",
    "TimeZone::get",
    "tracing",
    "rusqlite",
    "reqwest",
    "async ",
    "println!",
    "rand",
    "secrecy",
];

fn source_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(source_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn module_of(file: &Path) -> String {
    let inside = file.strip_prefix(src()).unwrap();
    inside.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// The lines of code, without comments.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// The modules that a file imports: `crate::module`, and `use crate::{module, …}`.
fn imports(code: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut modules = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(list) => {
                let list = list.split('}').next().unwrap_or("");
                modules.extend(list.split(',').map(|item| word(item.trim())));
            }
            None => drop(modules.insert(word(rest))),
        }
    }
    modules
}

#[test]
fn dependencies_point_one_way() {
    let allowed = allowed();
    let mut wrong = Vec::new();
    for file in source_files(&src()) {
        let module = module_of(&file);
        if module == "main" || module == "lib" {
            continue;
        }
        let may =
            allowed.get(module.as_str()).unwrap_or_else(|| panic!("{module}: add it to the list of allowed imports"));
        for name in imports(&code(&file)) {
            if name != module && !may.contains(&name.as_str()) {
                wrong.push(format!("{} imports {name}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn core_is_pure() {
    let mut wrong = Vec::new();
    for file in source_files(&src().join("core")) {
        let code = code(&file);
        wrong.extend(
            IMPURE.iter().filter(|word| code.contains(*word)).map(|word| format!("{}: {word}", file.display())),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_config_uses_the_yaml_library() {
    let knows = |file: &PathBuf| code(file).contains("serde_saphyr");
    let outside: Vec<_> =
        source_files(&src()).into_iter().filter(|file| module_of(file) != "config" && knows(file)).collect();
    assert!(outside.is_empty(), "{outside:?}");
}

#[test]
fn import_parser_finds_all_forms() {
    let code = "use crate::store::Store;\nuse crate::{core::alert, engine};\nlet x = crate::shell::y();";
    assert_eq!(imports(code), ["core", "engine", "shell", "store"].map(String::from).into());
}
