//! Oura as a test wants it: an authorisation server that rotates its tokens and refuses used ones, and the data behind them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex};

use reqwest::Url;
use serde_json::{Value, json};

use super::http::{Answer, Request, Server};

/// The application that is known there.
pub(crate) const ID: &str = "app-of-ada";
pub(crate) const SECRET: &str = "cl1ent-s3cret";

/// The code that is good once.
pub(crate) const CODE: &str = "c0de-of-ada";

/// What the next question for tokens meets instead of an answer.
pub(crate) enum Trick {
    /// This is answered, and nothing given out.
    Says(Answer),
    /// The tokens change, and this is answered.
    Loses(Answer),
    /// The tokens change, and nothing is answered before `open`.
    Waits,
}

type Witness = Box<dyn Fn(&str) -> bool + Send>;

struct State {
    /// How many pairs were given out. The last one holds.
    pairs: u32,
    code_is_good: bool,
    revoked: bool,
    lifetime: Value,
    more: BTreeMap<&'static str, Value>,
    tricks: VecDeque<Trick>,
    is_open: bool,
    /// What a look at the disk is worth when a token is used for the first time.
    witness: Option<Witness>,
    seen: u32,
    used_before_it_was_kept: bool,
}

/// A running Oura.
pub(crate) struct Oura {
    pub(crate) server: Server,
    state: Arc<(Mutex<State>, Condvar)>,
}

pub(crate) fn access(pair: u32) -> String {
    format!("acc3ss-token-{pair}")
}

pub(crate) fn refresh(pair: u32) -> String {
    format!("r3fresh-token-{pair}")
}

impl Oura {
    pub(crate) fn start() -> Self {
        let state = State {
            pairs: 0,
            code_is_good: true,
            revoked: false,
            lifetime: json!(86_400),
            more: BTreeMap::new(),
            tricks: VecDeque::new(),
            is_open: false,
            witness: None,
            seen: 0,
            used_before_it_was_kept: false,
        };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let behind = Arc::clone(&state);
        let server = Server::start(move |request| match request.collection.as_str() {
            "token" | "oauth-token" => tokens(&behind, request),
            "revoke" | "oauth-revoke" => revoke(&behind, request),
            _ => data(&behind, request),
        });
        Self { server, state }
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.0.lock().unwrap())
    }

    /// The first pair was given out before the test began.
    pub(crate) fn connected() -> Self {
        let oura = Self::start();
        oura.with(|state| state.pairs = 1);
        oura
    }

    pub(crate) fn trick(&self, trick: Trick) {
        self.with(|state| state.tricks.push_back(trick));
    }

    /// Let whoever waits go on.
    pub(crate) fn open(&self) {
        self.with(|state| state.is_open = true);
        self.state.1.notify_all();
    }

    pub(crate) fn lifetime(&self, seconds: impl Into<Value>) {
        self.with(|state| state.lifetime = seconds.into());
    }

    /// The next answers hold this too; null takes it out of them.
    pub(crate) fn says_too(&self, name: &'static str, value: Value) {
        self.with(|state| drop(state.more.insert(name, value)));
    }

    /// The tokens that are out there hold no longer, whatever was said of them.
    pub(crate) fn change_tokens(&self) {
        self.with(|state| state.pairs += 1);
    }

    /// The person says yes once more.
    pub(crate) fn renew_code(&self) {
        self.with(|state| (state.code_is_good, state.revoked) = (true, false));
    }

    /// When a token is used for the first time, its refresh token must be where this looks.
    pub(crate) fn watch(&self, is_kept: impl Fn(&str) -> bool + Send + 'static) {
        self.with(|state| state.witness = Some(Box::new(is_kept)));
    }

    pub(crate) fn used_before_it_was_kept(&self) -> bool {
        self.with(|state| state.used_before_it_was_kept)
    }

    /// How many pairs were given out.
    pub(crate) fn pairs(&self) -> u32 {
        self.with(|state| state.pairs)
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.with(|state| state.revoked)
    }

    /// The questions for tokens.
    pub(crate) fn questions(&self) -> Vec<BTreeMap<String, String>> {
        let asked = self.server.asked();
        let tokens = asked.iter().filter(|request| matches!(request.collection.as_str(), "token" | "oauth-token"));
        tokens.map(form).collect()
    }

    /// The path of each question for tokens.
    pub(crate) fn places(&self) -> Vec<String> {
        let asked = self.server.asked();
        asked.into_iter().map(|request| request.path).filter(|path| path.ends_with("token")).collect()
    }

    pub(crate) fn config(&self, port: u16) -> Value {
        let at = |path: &str| format!("{}{path}", self.server.url);
        json!({"sources": {"oura": {
            "cache_dir": null, "token_store": "file", "redirect_port": port,
            "authorize_url": at("/oauth/authorize"), "token_url": at("/oauth/token"), "revoke_url": at("/oauth/revoke"),
            "base_url": at("/v2/usercollection"),
        }}})
    }
}

fn form(request: &Request) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(&request.body);
    let url = Url::parse(&format!("http://x/?{text}")).unwrap();
    url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
}

fn no(status: u16, word: &str) -> Answer {
    // A server may well repeat what it was sent.
    Answer::Whole(
        status,
        "",
        json!({"error": word, "error_description": "no", "refresh_token": "r3fresh-token-x"}).to_string(),
    )
}

fn tokens((state, opened): &(Mutex<State>, Condvar), request: &Request) -> Answer {
    let mut state = state.lock().unwrap();
    let trick = match state.tricks.pop_front() {
        Some(Trick::Says(answer)) => return answer,
        other => other,
    };
    let form = form(request);
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    if request.method != "POST" || (field("client_id"), field("client_secret")) != (ID, SECRET) {
        return no(401, "invalid_client");
    }
    match field("grant_type") {
        "authorization_code" if field("code") == CODE && state.code_is_good => state.code_is_good = false,
        "refresh_token" if !state.revoked && field("refresh_token") == refresh(state.pairs) => {}
        _ => return no(400, "invalid_grant"),
    }
    state.pairs += 1;
    let pair = state.pairs;
    let mut answer = json!({
        "access_token": access(pair), "refresh_token": refresh(pair), "token_type": "bearer", "expires_in": state.lifetime,
        "scope": "daily", "unknown": {"more": [1, 2]},
    });
    for (name, value) in &state.more {
        answer[*name] = value.clone();
    }
    match trick {
        Some(Trick::Loses(instead)) => return instead,
        Some(Trick::Waits) => drop(opened.wait_while(state, |state| !state.is_open).unwrap()),
        _ => {}
    }
    Answer::json(answer.to_string())
}

fn revoke((state, _): &(Mutex<State>, Condvar), request: &Request) -> Answer {
    let mut state = state.lock().unwrap();
    if let Some(Trick::Says(answer)) = state.tricks.pop_front() {
        return answer;
    }
    let known = request.query.get("access_token").is_some_and(|token| *token == access(state.pairs))
        || form(request).get("token").is_some_and(|token| *token == refresh(state.pairs));
    state.revoked |= known && request.method == "POST";
    Answer::status(if known { 204 } else { 401 })
}

fn data((state, _): &(Mutex<State>, Condvar), request: &Request) -> Answer {
    let mut state = state.lock().unwrap();
    if state.revoked || request.headers.get("authorization") != Some(&format!("Bearer {}", access(state.pairs))) {
        return Answer::status(401);
    }
    if state.seen < state.pairs {
        state.seen = state.pairs;
        let is_kept = state.witness.as_ref().is_none_or(|is_kept| is_kept(&refresh(state.pairs)));
        state.used_before_it_was_kept |= !is_kept;
    }
    // Good nights, from the first day that is asked for to the last.
    let day = |name: &str| request.query.get(name).and_then(|day| day.parse::<jiff::civil::Date>().ok());
    let (Some(from), Some(past)) = (day("start_date"), day("end_date")) else { return Answer::status(400) };
    let days = from.series(jiff::Span::new().days(1)).take_while(|day| *day < past);
    let document = |day: jiff::civil::Date| match request.collection.as_str() {
        "daily_readiness" => Some(json!({"id": format!("r{day}"), "day": day, "score": 82})),
        "sleep" => Some(json!({
            "id": format!("s{day}"), "day": day, "type": "long_sleep", "total_sleep_duration": 27_000,
            "average_hrv": 52, "efficiency": 91,
        })),
        _ => None,
    };
    let documents: Vec<String> = days.filter_map(document).map(|document| document.to_string()).collect();
    Answer::page(&documents.join(","))
}
