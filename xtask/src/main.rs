//! The project's own tasks.

#[cfg(feature = "codegen")]
mod codegen;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[cfg(feature = "codegen")]
    codegen::run(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .unwrap(),
        false,
    )?;
    Ok(())
}
