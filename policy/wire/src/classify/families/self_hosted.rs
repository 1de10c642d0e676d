//! vLLM, SGLang, TGI, llama.cpp, Ollama: servers that run a model themselves.

use crate::classify::row::Charge::{BadRequest, Broken, ModelDenied, Overloaded};
use crate::classify::row::Says::{Code, Has, Model};
use crate::classify::row::{Family, Row, status};

pub(super) const SELF_HOSTED: Family = Family {
    name: "vLLM, SGLang, TGI, llama.cpp, Ollama",
    rows: &[
        Row::new(
            status![404],
            Model(
                &[],
                &["the model `*` does not exist", "model '*' not found"],
            ),
            ModelDenied,
            "sources of vLLM and Ollama",
        ),
        Row::new(
            status![429],
            Code(&["overloaded"]),
            Overloaded,
            "Text Generation Inference, API errors",
        ),
        Row::new(
            status![429, 503],
            Has(&["model is overloaded"]),
            Overloaded,
            "Text Generation Inference, API errors",
        ),
        Row::new(
            status![503],
            Has(&["loading model", "is currently loading"]),
            Broken,
            "sources of llama.cpp; Hugging Face, Inference",
        ),
        Row::new(
            status![501],
            Code(&[
                "notimplementederror",
                "not_supported_error",
                "unimplemented",
            ]),
            BadRequest,
            "sources of vLLM and llama.cpp; google.rpc.Code",
        ),
    ],
};
