//! A fake Oura: an authorization server that rotates its tokens and refuses used ones, and the API behind it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex};

use reqwest::Url;
use serde_json::{Value, json};

use super::http::{Answer, Request, Server};

/// The only registered client.
pub(crate) const ID: &str = "app-of-ada";
pub(crate) const SECRET: &str = "cl1ent-s3cret";

/// Works once.
pub(crate) const CODE: &str = "c0de-of-ada";

/// Replaces the answer to the next token request.
pub(crate) enum NextAnswer {
    /// Sends this answer and issues no tokens.
    Instead(Answer),
    /// Issues new tokens and sends this answer instead of them.
    AfterRotation(Answer),
    /// Issues new tokens and sends them after `unblock`.
    BlockedAfterRotation,
}

type StoredCheck = Box<dyn Fn(&str) -> bool + Send>;

struct State {
    /// Only the last pair is valid.
    issued_pairs: u32,
    code_is_good: bool,
    revoked: bool,
    lifetime: Value,
    more: BTreeMap<&'static str, Value>,
    next_answers: VecDeque<NextAnswer>,
    is_unblocked: bool,
    /// Called with the refresh token when its access token is first used.
    is_stored: Option<StoredCheck>,
    first_used_pair: u32,
    used_before_stored: bool,
}

pub(crate) struct FakeOura {
    pub(crate) server: Server,
    state: Arc<(Mutex<State>, Condvar)>,
}

pub(crate) fn access_token(pair: u32) -> String {
    format!("acc3ss-token-{pair}")
}

pub(crate) fn refresh_token(pair: u32) -> String {
    format!("r3fresh-token-{pair}")
}

impl FakeOura {
    pub(crate) fn start() -> Self {
        let state = State {
            issued_pairs: 0,
            code_is_good: true,
            revoked: false,
            lifetime: json!(86_400),
            more: BTreeMap::new(),
            next_answers: VecDeque::new(),
            is_unblocked: false,
            is_stored: None,
            first_used_pair: 0,
            used_before_stored: false,
        };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| match request.collection.as_str() {
            "token" | "oauth-token" => answer_token_request(&shared, request),
            "revoke" | "oauth-revoke" => answer_revocation(&shared, request),
            _ => answer_api_request(&shared, request),
        });
        Self { server, state }
    }

    fn with_state<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.0.lock().unwrap())
    }

    /// With one pair issued.
    pub(crate) fn connected() -> Self {
        let oura = Self::start();
        oura.with_state(|state| state.issued_pairs = 1);
        oura
    }

    pub(crate) fn set_next_answer(&self, answer: NextAnswer) {
        self.with_state(|state| state.next_answers.push_back(answer));
    }

    pub(crate) fn unblock(&self) {
        self.with_state(|state| state.is_unblocked = true);
        self.state.1.notify_all();
    }

    pub(crate) fn set_lifetime(&self, seconds: impl Into<Value>) {
        self.with_state(|state| state.lifetime = seconds.into());
    }

    /// Adds a field to all later token responses; null removes the usual one.
    pub(crate) fn add_field(&self, name: &'static str, value: Value) {
        self.with_state(|state| drop(state.more.insert(name, value)));
    }

    /// Invalidates the issued tokens before they expire.
    pub(crate) fn rotate_tokens(&self) {
        self.with_state(|state| state.issued_pairs += 1);
    }

    /// The user consents once more.
    pub(crate) fn allow_code_again(&self) {
        self.with_state(|state| (state.code_is_good, state.revoked) = (true, false));
    }

    /// Checks at the first use of each token that its refresh token is stored.
    pub(crate) fn check_stored_with(&self, is_stored: impl Fn(&str) -> bool + Send + 'static) {
        self.with_state(|state| state.is_stored = Some(Box::new(is_stored)));
    }

    pub(crate) fn used_before_stored(&self) -> bool {
        self.with_state(|state| state.used_before_stored)
    }

    pub(crate) fn issued_pairs(&self) -> u32 {
        self.with_state(|state| state.issued_pairs)
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.with_state(|state| state.revoked)
    }

    /// The forms of all token requests.
    pub(crate) fn token_requests(&self) -> Vec<BTreeMap<String, String>> {
        let asked = self.server.requests();
        let tokens = asked.iter().filter(|request| matches!(request.collection.as_str(), "token" | "oauth-token"));
        tokens.map(form).collect()
    }

    pub(crate) fn token_request_paths(&self) -> Vec<String> {
        let asked = self.server.requests();
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

fn error_answer(status: u16, word: &str) -> Answer {
    // A server may repeat the request.
    Answer::Whole(
        status,
        "",
        json!({"error": word, "error_description": "no", "refresh_token": "r3fresh-token-x"}).to_string(),
    )
}

fn answer_token_request((state, unblocked): &(Mutex<State>, Condvar), request: &Request) -> Answer {
    let mut state = state.lock().unwrap();
    let next = match state.next_answers.pop_front() {
        Some(NextAnswer::Instead(answer)) => return answer,
        other => other,
    };
    let form = form(request);
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    if request.method != "POST" || (field("client_id"), field("client_secret")) != (ID, SECRET) {
        return error_answer(401, "invalid_client");
    }
    match field("grant_type") {
        "authorization_code" if field("code") == CODE && state.code_is_good => state.code_is_good = false,
        "refresh_token" if !state.revoked && field("refresh_token") == refresh_token(state.issued_pairs) => {}
        _ => return error_answer(400, "invalid_grant"),
    }
    state.issued_pairs += 1;
    let pair = state.issued_pairs;
    let mut answer = json!({
        "access_token": access_token(pair), "refresh_token": refresh_token(pair), "token_type": "bearer", "expires_in": state.lifetime,
        "scope": "daily", "unknown": {"more": [1, 2]},
    });
    for (name, value) in &state.more {
        answer[*name] = value.clone();
    }
    match next {
        Some(NextAnswer::AfterRotation(instead)) => return instead,
        Some(NextAnswer::BlockedAfterRotation) => {
            drop(unblocked.wait_while(state, |state| !state.is_unblocked).unwrap())
        }
        _ => {}
    }
    Answer::json(answer.to_string())
}

fn answer_revocation((state, _): &(Mutex<State>, Condvar), request: &Request) -> Answer {
    let mut state = state.lock().unwrap();
    if let Some(NextAnswer::Instead(answer)) = state.next_answers.pop_front() {
        return answer;
    }
    let known = request.query.get("access_token").is_some_and(|token| *token == access_token(state.issued_pairs))
        || form(request).get("token").is_some_and(|token| *token == refresh_token(state.issued_pairs));
    state.revoked |= known && request.method == "POST";
    Answer::status(if known { 204 } else { 401 })
}

fn answer_api_request((state, _): &(Mutex<State>, Condvar), request: &Request) -> Answer {
    let mut state = state.lock().unwrap();
    if state.revoked
        || request.headers.get("authorization") != Some(&format!("Bearer {}", access_token(state.issued_pairs)))
    {
        return Answer::status(401);
    }
    if state.first_used_pair < state.issued_pairs {
        state.first_used_pair = state.issued_pairs;
        let is_stored = state.is_stored.as_ref().is_none_or(|is_stored| is_stored(&refresh_token(state.issued_pairs)));
        state.used_before_stored |= !is_stored;
    }
    // Good nights for all requested days.
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
