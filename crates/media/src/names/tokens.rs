//! A name in words, each with its place, and in brackets.

/// What stands around a word, outermost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Round,
    Square,
}

#[derive(Debug)]
pub(super) struct Group {
    pub shape: Shape,
    /// Of the bracket that opens, and past the one that closes.
    pub start: usize,
    pub end: usize,
    /// Its words, past the last.
    pub first: usize,
    pub last: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub start: usize,
    pub end: usize,
    pub group: Option<usize>,
    /// If there are nothing but digits, nine at most.
    pub number: Option<u32>,
}

impl Token {
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }
}

/// A name and its words. `lower` has every letter at the same byte as `text`.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    pub text: &'a str,
    lower: String,
    pub list: Vec<Token>,
    pub groups: Vec<Group>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    None,
    Latin,
    Cyrillic,
    East,
}

fn script(c: char) -> Script {
    match c {
        '0'..='9' | 'a'..='z' | 'A'..='Z' => Script::Latin,
        '\u{400}'..='\u{52f}' => Script::Cyrillic,
        '\u{3041}'..='\u{30fa}' | '\u{30fc}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' => Script::East,
        '\u{b7}' => Script::Latin,
        _ if c.is_alphanumeric() => Script::Latin,
        _ => Script::None,
    }
}

pub(super) fn is_cyrillic(c: char) -> bool {
    script(c) == Script::Cyrillic
}

pub(super) fn is_eastern(c: char) -> bool {
    script(c) == Script::East
}

pub(super) fn opens(c: char) -> Option<(Shape, char)> {
    Some(match c {
        '(' => (Shape::Round, ')'),
        '（' => (Shape::Round, '）'),
        '[' => (Shape::Square, ']'),
        '{' => (Shape::Square, '}'),
        '【' => (Shape::Square, '】'),
        '［' => (Shape::Square, '］'),
        _ => return None,
    })
}

fn lower(text: &str) -> String {
    text.chars()
        .map(|c| {
            let mut all = c.to_lowercase();
            let first = all.next().unwrap_or(c);
            if all.next().is_none() && first.len_utf8() == c.len_utf8() { first } else { c }
        })
        .collect()
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut tokens = Self { text, lower: lower(text), list: Vec::with_capacity(32), groups: Vec::new() };
        tokens.split();
        for token in &mut tokens.list {
            let word = &text[token.start..token.end];
            if word.len() <= 9 && word.bytes().all(|byte| byte.is_ascii_digit()) {
                token.number = word.parse().ok();
            }
        }
        tokens
    }

    fn split(&mut self) {
        // The word that goes on: where it began, and in which letters.
        let mut word = (0, Script::None);
        // The bracket that is open: how it closes, and how many of its kind stand in it.
        let mut open: Option<(char, char, u32)> = None;
        let mut chars = self.text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let mut of = script(c);
            let is_apostrophe = matches!(c, '\'' | '’' | '`');
            if is_apostrophe && chars.peek().is_some_and(|(_, next)| script(*next) == word.1) {
                of = word.1;
            }
            if of == word.1 && of != Script::None {
                continue;
            }
            self.push(word, at);
            word = (at, of);
            if of != Script::None {
                continue;
            }
            self.bracket(&mut open, at, c);
            // Two separators in a row: the second may be a bracket too.
            while let Some(&(at, c)) = chars.peek() {
                if script(c) != Script::None {
                    break;
                }
                self.bracket(&mut open, at, c);
                chars.next();
            }
        }
        self.push(word, self.text.len());
        let (end, last) = (self.text.len(), self.list.len());
        if let (Some(_), Some(group)) = (open, self.groups.last_mut()) {
            (group.end, group.last) = (end, last);
        }
    }

    fn push(&mut self, (start, script): (usize, Script), end: usize) {
        if script != Script::None && start < end {
            let group = self.groups.len().checked_sub(1).filter(|last| self.groups[*last].end == usize::MAX);
            self.list.push(Token { start, end, group, number: None });
        }
    }

    fn bracket(&mut self, open: &mut Option<(char, char, u32)>, at: usize, c: char) {
        match open {
            None => {
                let Some((shape, closing)) = opens(c) else { return };
                // One that nothing closes is no bracket.
                if self.text[at..].contains(closing) {
                    let first = self.list.len();
                    self.groups.push(Group { shape, start: at, end: usize::MAX, first, last: first });
                    *open = Some((c, closing, 0));
                }
            }
            Some((opening, _, depth)) if *opening == c => *depth += 1,
            Some((_, closing, depth)) if *closing == c && *depth > 0 => *depth -= 1,
            Some((_, closing, _)) if *closing == c => {
                let last = self.list.len();
                if let Some(group) = self.groups.last_mut() {
                    (group.end, group.last) = (at + c.len_utf8(), last);
                }
                *open = None;
            }
            Some(_) => {}
        }
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// In small letters; empty past the last.
    pub(super) fn word(&self, index: usize) -> &str {
        self.list.get(index).map_or("", |token| &self.lower[token.start..token.end])
    }

    pub(super) fn written(&self, index: usize) -> &'a str {
        self.list.get(index).map_or("", |token| &self.text[token.start..token.end])
    }

    pub(super) fn number(&self, index: usize) -> Option<u32> {
        self.list.get(index)?.number
    }

    /// What stands between a word and the one before.
    pub(super) fn before(&self, index: usize) -> &'a str {
        let Some(token) = self.list.get(index) else { return "" };
        let from = index.checked_sub(1).map_or(0, |previous| self.list[previous].end);
        &self.text[from..token.start]
    }

    /// What stands between a word and the next one.
    pub(super) fn after(&self, index: usize) -> &'a str {
        let Some(token) = self.list.get(index) else { return "" };
        let until = self.list.get(index + 1).map_or(self.text.len(), |next| next.start);
        &self.text[token.end..until]
    }

    pub(super) fn group_of(&self, index: usize) -> Option<&Group> {
        self.groups.get(self.list.get(index)?.group?)
    }

    pub(super) fn is_glued(&self, index: usize) -> bool {
        index > 0 && index < self.len() && self.before(index).is_empty()
    }
}
