//! A fake Telegram API with one bot, its chats and updates, and the real API's checks.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http::{Answer, Request, Server};

pub(crate) const TOKEN: &str = "123456:s3cret-of_the_bot";
pub(crate) const CHAT: i64 = 4711;

/// The supported tags.
const TAGS: [&str; 6] = ["b", "i", "u", "s", "code", "pre"];

/// A message as the chat shows it.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) shown: Shown,
    /// Label and callback data.
    pub(crate) buttons: Vec<(String, String)>,
    pub(crate) silent: bool,
    pub(crate) edits: usize,
    pub(crate) at: Instant,
}

/// A text without its markup.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Shown {
    pub(crate) text: String,
    pub(crate) bold: Vec<String>,
    pub(crate) italic: Vec<String>,
}

#[derive(Default)]
struct State {
    messages: BTreeMap<i64, Sent>,
    updates: Vec<Value>,
    /// Callback query id and the text of the answer.
    answered: Vec<(String, String)>,
}

type Shared = Arc<(Mutex<State>, Condvar)>;

pub(crate) struct Bot {
    pub(crate) server: Server,
    shared: Shared,
}

impl Bot {
    pub(crate) fn start() -> Self {
        Self::with(|_| None)
    }

    /// `fault` overrides the response to some requests.
    pub(crate) fn with(fault: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let shared = Shared::default();
        let state = Arc::clone(&shared);
        Self { server: Server::start(move |request| fault(request).unwrap_or_else(|| serve(request, &state))), shared }
    }

    /// The configuration keys in flow style.
    pub(crate) fn keys(&self) -> String {
        format!("token: '{TOKEN}', chat_id: {CHAT}, api_url: '{}'", self.server.url)
    }

    /// The configuration section.
    pub(crate) fn section(&self) -> Value {
        json!({"enabled": true, "token": TOKEN, "chat_id": CHAT, "api_url": self.server.url})
    }

    /// By message id.
    pub(crate) fn messages(&self) -> BTreeMap<i64, Sent> {
        self.shared.0.lock().unwrap().messages.clone()
    }

    pub(crate) fn message_with(&self, words: &str) -> Option<(i64, Sent)> {
        self.messages().into_iter().find(|(_, sent)| sent.shown.text.contains(words))
    }

    pub(crate) fn answered(&self) -> Vec<(String, String)> {
        self.shared.0.lock().unwrap().answered.clone()
    }

    /// The user deletes a message.
    pub(crate) fn delete(&self, message: i64) {
        self.shared.0.lock().unwrap().messages.remove(&message);
    }

    pub(crate) fn add_update(&self, update: Value) {
        self.shared.0.lock().unwrap().updates.push(update);
        self.shared.1.notify_all();
    }

    /// A button press in a chat.
    pub(crate) fn press(&self, update: i64, chat: i64, data: &str) {
        self.add_update(pressed(update, chat, data));
    }

    /// The `offset` of each `getUpdates`.
    pub(crate) fn offsets(&self) -> Vec<Option<i64>> {
        let requests = self.server.requests();
        requests.iter().filter(|r| r.collection == "getUpdates").map(|r| r.json()["offset"].as_i64()).collect()
    }
}

/// The update of a button press. The query id is `q` and the update id.
pub(crate) fn pressed(update: i64, chat: i64, data: &str) -> Value {
    json!({"update_id": update, "callback_query": {
        "id": format!("q{update}"), "from": {"id": CHAT, "is_bot": false, "first_name": "Ada"}, "chat_instance": "x",
        "message": {"message_id": 1, "date": 0, "chat": {"id": chat, "type": "private"}}, "data": data,
    }})
}

fn result(result: Value) -> Answer {
    Answer::json(json!({"ok": true, "result": result}).to_string())
}

/// An error response of the API.
pub(crate) fn refusal(status: u16, description: &str) -> Answer {
    Answer::Whole(status, "", json!({"ok": false, "error_code": status, "description": description}).to_string())
}

fn serve(request: &Request, shared: &Shared) -> Answer {
    if request.path != format!("/bot{TOKEN}/{}", request.collection) {
        return refusal(401, "Unauthorized");
    }
    let arguments = request.json();
    let served = match request.collection.as_str() {
        "getMe" => Ok(json!({"id": 123_456, "is_bot": true, "first_name": "Op", "username": "op_bot"})),
        "getChat" => chat(&arguments),
        "sendMessage" => send(&arguments, &mut shared.0.lock().unwrap()),
        "editMessageText" => edit(&arguments, &mut shared.0.lock().unwrap()),
        "answerCallbackQuery" => answer(&arguments, &mut shared.0.lock().unwrap()),
        "getUpdates" => Ok(updates(&arguments, shared)),
        _ => return refusal(404, "Not Found"),
    };
    served.map_or_else(|why| refusal(400, &format!("Bad Request: {why}")), result)
}

fn chat(arguments: &Value) -> Result<Value, String> {
    // The API accepts a number as text.
    let id = arguments["chat_id"].as_i64().or_else(|| arguments["chat_id"].as_str()?.parse().ok());
    if id == Some(CHAT) {
        Ok(json!({"id": CHAT, "type": "private", "first_name": "Ada"}))
    } else {
        Err("chat not found".into())
    }
}

fn send(arguments: &Value, state: &mut State) -> Result<Value, String> {
    chat(arguments)?;
    let (shown, buttons) = (shown(arguments)?, buttons(arguments)?);
    let number = state.messages.keys().last().map_or(7, |last| last + 1);
    let silent = arguments["disable_notification"] == true;
    state.messages.insert(number, Sent { shown, buttons, silent, edits: 0, at: Instant::now() });
    Ok(json!({"message_id": number, "date": 0, "chat": {"id": CHAT, "type": "private"}}))
}

fn edit(arguments: &Value, state: &mut State) -> Result<Value, String> {
    chat(arguments)?;
    let (shown, buttons) = (shown(arguments)?, buttons(arguments)?);
    let number = arguments["message_id"].as_i64().ok_or("message identifier is not specified")?;
    let sent = state.messages.get_mut(&number).ok_or("message to edit not found")?;
    if sent.shown == shown && sent.buttons == buttons {
        return Err("message is not modified: specified new message content and reply markup are the same".into());
    }
    (sent.shown, sent.buttons, sent.edits) = (shown, buttons, sent.edits + 1);
    Ok(json!({"message_id": number}))
}

fn answer(arguments: &Value, state: &mut State) -> Result<Value, String> {
    let text = arguments["text"].as_str().unwrap_or_default();
    if text.encode_utf16().count() > 200 {
        return Err("MESSAGE_TOO_LONG".into());
    }
    state.answered.push((arguments["callback_query_id"].as_str().unwrap_or_default().into(), text.into()));
    Ok(json!(true))
}

/// Long polling.
fn updates(arguments: &Value, shared: &Shared) -> Value {
    let wanted = arguments["offset"].as_i64();
    let mut state = shared.0.lock().unwrap();
    let number = |update: &Value| update["update_id"].as_i64().unwrap_or(i64::MAX);
    // The API ignores an offset in the future.
    let last = state.updates.iter().map(number).max().unwrap_or(0);
    let from = wanted.filter(|from| state.updates.is_empty() || from.saturating_sub(11) <= last).unwrap_or(i64::MIN);
    state.updates.retain(|update| number(update) >= from);
    let deadline = Instant::now() + Duration::from_secs(arguments["timeout"].as_u64().unwrap_or(0));
    while state.updates.is_empty() && Instant::now() < deadline {
        state = shared.1.wait_timeout(state, deadline - Instant::now()).unwrap().0;
    }
    let limit = usize::try_from(arguments["limit"].as_u64().unwrap_or(100)).unwrap();
    state.updates.iter().take(limit).cloned().collect()
}

fn buttons(arguments: &Value) -> Result<Vec<(String, String)>, String> {
    let rows = arguments["reply_markup"]["inline_keyboard"].as_array().cloned().unwrap_or_default();
    let buttons = rows.iter().flat_map(|row| row.as_array().cloned().unwrap_or_default());
    buttons
        .map(|button| {
            let (label, data) = (button["text"].as_str().unwrap_or_default(), button["callback_data"].as_str());
            let data = data.filter(|data| (1..=64).contains(&data.len())).ok_or("BUTTON_DATA_INVALID")?;
            Ok((label.to_owned(), data.to_owned()))
        })
        .collect()
}

fn shown(arguments: &Value) -> Result<Shown, String> {
    if arguments["parse_mode"] != "HTML" {
        return Err("unsupported parse_mode".into());
    }
    let shown = parse_html(arguments["text"].as_str().ok_or("message text is empty")?)?;
    match shown.text.trim().encode_utf16().count() {
        0 => Err("message text is empty".into()),
        1..=4096 => Ok(shown),
        _ => Err("message is too long".into()),
    }
}

/// Parses Telegram's HTML strictly.
fn parse_html(html: &str) -> Result<Shown, String> {
    let (mut shown, mut open, mut rest) = (Shown::default(), Vec::<(&str, usize)>::new(), html);
    while let Some(next) = rest.chars().next() {
        let cut = match next {
            '<' => {
                let end = rest.find('>').ok_or("can't parse entities: unclosed start tag")?;
                let tag = &rest[1..end];
                if let Some(name) = tag.strip_prefix('/') {
                    let (opened, from) = open.pop().ok_or("can't parse entities: unexpected end tag")?;
                    if opened != name {
                        return Err("can't parse entities: unmatched end tag".into());
                    }
                    let inside = shown.text[from..].to_owned();
                    match name {
                        "b" => shown.bold.push(inside),
                        "i" => shown.italic.push(inside),
                        _ => {}
                    }
                } else if TAGS.contains(&tag) {
                    open.push((tag, shown.text.len()));
                } else {
                    return Err(format!("can't parse entities: unsupported start tag \"{tag}\""));
                }
                end + 1
            }
            '>' => return Err("can't parse entities: '>' must be escaped".into()),
            '&' => {
                let known = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"')];
                let (name, c) = known.into_iter().find(|(name, _)| rest.starts_with(name)).ok_or("a bare '&'")?;
                shown.text.push(c);
                name.len()
            }
            c => {
                shown.text.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[cut..];
    }
    if open.is_empty() { Ok(shown) } else { Err("can't parse entities: can't find end tag".into()) }
}
