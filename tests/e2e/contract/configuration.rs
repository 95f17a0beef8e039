//! Configuration files of earlier versions load without a complaint, and every key means what it meant.

use std::fs;

use rstest::rstest;
use serde_json::{Value, json};

use super::golden::compare;
use crate::support::home::{Home, finish};

#[rstest]
#[case::shipped("shipped.yaml", include_str!("../../fixtures/contract/config/shipped.yaml"))]
#[case::every_key("every_key.yaml", include_str!("../../fixtures/contract/config/every_key.yaml"))]
fn old_configuration_loads(#[case] name: &str, #[case] text: &str) {
    let home = Home::new();
    let folder = home.root().display().to_string();
    fs::write(home.path("config.yaml"), text).unwrap();
    let run = |arguments: &[&str]| {
        let mut program = home.program();
        program.env("CONTRACT_HOME", &folder).env("CONTRACT_TOKEN", "t0ken");
        program.arg("--config").arg(home.path("config.yaml")).args(arguments);
        finish(program)
    };
    let status = run(&["--status", "--json"]).ok();
    assert_eq!(status.err, "");
    let status = status.json();
    assert_eq!((&status["warnings"], &status["config_error"]), (&json!([]), &Value::Null));
    let config = status["config"].to_string();
    assert!(!config.contains("t0ken"), "secrets stay out: {config}");
    let config = serde_json::from_str(&config.replace(&folder, "<home>")).unwrap();
    compare(&format!("config_{}", name.replace(".yaml", ".json")), &config);

    let lines = run(&["check", "--json"]).json();
    let configuration = lines.as_array().expect("a list").iter().find(|line| line["name"] == "configuration");
    assert_eq!(configuration.expect("a line")["result"], "ok");
}
