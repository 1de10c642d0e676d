//! The modules of one crate, and which file each is in, by the `mod` declarations.

use std::collections::BTreeMap;

use super::tokens::{Token, tokens};

/// A crate's files, by their path from the crate's `src`, with `/` between folders.
pub(crate) type Files = BTreeMap<String, String>;

/// A module's position in [`Modules`].
pub(crate) type ModuleId = usize;

/// A module.
#[derive(Debug)]
pub(crate) struct Module {
    /// The file it is in.
    pub(crate) file: String,
    pub(crate) parent: Option<ModuleId>,
    pub(crate) children: BTreeMap<String, ModuleId>,
    /// Its own tokens, without those of the modules in it.
    pub(crate) tokens: Vec<Token>,
    /// Where its children's files are.
    folder: String,
}

/// All modules of one crate root; the first is the root's.
#[derive(Debug, Default)]
pub(crate) struct Modules(pub(crate) Vec<Module>);

impl Modules {
    /// The modules that begin in the file `root`.
    pub(crate) fn of(files: &Files, root: &str) -> Self {
        let mut modules = Self::default();
        modules.add_file(files, root, String::new(), None);
        modules
    }

    fn add_file(
        &mut self,
        files: &Files,
        file: &str,
        folder: String,
        parent: Option<ModuleId>,
    ) -> ModuleId {
        let tokens = tokens(&files[file]);
        let id = self.add(file, folder, parent);
        self.fill(files, id, &tokens);
        id
    }

    fn add(&mut self, file: &str, folder: String, parent: Option<ModuleId>) -> ModuleId {
        self.0.push(Module {
            file: file.to_owned(),
            parent,
            children: BTreeMap::new(),
            tokens: Vec::new(),
            folder,
        });
        self.0.len() - 1
    }

    /// Gives a module its tokens, and makes a module of each that is declared among them.
    fn fill(&mut self, files: &Files, id: ModuleId, tokens: &[Token]) {
        let mut at = 0;
        while at < tokens.len() {
            let declared = match &tokens[at..] {
                [keyword, Token::Word(name), sign, ..] if keyword.is_word("mod") => {
                    Some((name.as_str(), sign))
                        .filter(|(_, sign)| sign.is_sign(';') || sign.is_sign('{'))
                }
                _ => None,
            };
            let Some((name, sign)) = declared else {
                self.0[id].tokens.push(tokens[at].clone());
                at += 1;
                continue;
            };
            let folder = format!("{}{name}/", self.0[id].folder);
            let child = if sign.is_sign(';') {
                at += 3;
                let Some(file) = file_of(files, &folder) else {
                    panic!("mod {name} of {} has no file", self.0[id].file);
                };
                self.add_file(files, &file, folder, Some(id))
            } else {
                let end = at + 3 + block(&tokens[at + 3..]);
                let file = self.0[id].file.clone();
                let child = self.add(&file, folder, Some(id));
                self.fill(files, child, &tokens[at + 3..end]);
                at = end + 1;
                child
            };
            self.0[id].children.insert(name.to_owned(), child);
        }
    }
}

/// The file of the module whose children are in `folder`.
fn file_of(files: &Files, folder: &str) -> Option<String> {
    let beside = format!("{}.rs", folder.trim_end_matches('/'));
    let inside = format!("{folder}mod.rs");
    [beside, inside]
        .into_iter()
        .find(|file| files.contains_key(file))
}

/// How many tokens stand before the `}` of a block that has been opened.
fn block(tokens: &[Token]) -> usize {
    let mut depth = 1;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('{') => depth += 1,
            Token::Sign('}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}
