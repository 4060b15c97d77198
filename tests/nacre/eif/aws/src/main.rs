//! `aws-eif read IMAGE...` prints what AWS's crate makes of images, one JSON object a line.
//! `aws-eif build OUT ARCH KERNEL CMDLINE CERT KEY RAMDISK...` builds one ("-" for no certificate and key).
use aws_nitro_enclaves_image_format::defs::{EifBuildInfo, EifIdentityInfo, EIF_HDR_ARCH_ARM64};
use aws_nitro_enclaves_image_format::utils::eif_reader::EifReader;
use aws_nitro_enclaves_image_format::utils::{get_pcrs, EifBuilder, PcrSignatureChecker, SignEnclaveInfo};
use serde_json::{json, Value};
use sha2::{Digest, Sha384};
use std::{env, fs::OpenOptions, path::Path, process::exit};

fn read(path: &str) -> Result<Value, String> {
    let mut reader = EifReader::from_eif(path.to_string())?;
    let signed = reader.signature_section.is_some();
    let pcrs = get_pcrs(
        &mut reader.image_hasher,
        &mut reader.bootstrap_hasher,
        &mut reader.app_hasher,
        &mut reader.cert_hasher,
        Sha384::new(),
        signed,
    )?;
    let mut said = json!({"Measurements": pcrs, "CheckCRC": reader.check_crc(), "IsSigned": signed});
    said["EifVersion"] = json!(reader.get_header().version);
    said["Metadata"] = json!(reader.get_metadata());
    if signed {
        said["SigningCertificate"] = json!(reader.get_certificate_info(pcrs)?);
        said["SignatureCheck"] = json!(reader.sign_check);
        said["CertificateOfNow"] = json!(PcrSignatureChecker::from_eif(path)?.verify());
    }
    Ok(said)
}

fn build(args: &[String]) -> Result<Value, String> {
    let info = EifIdentityInfo {
        img_name: "by-aws".to_string(),
        img_version: "1.0".to_string(),
        build_info: EifBuildInfo {
            build_time: "2025-11-20T10:00:00+00:00".to_string(),
            build_tool: "aws-eif".to_string(),
            build_tool_version: "0".to_string(),
            img_os: "Linux".to_string(),
            img_kernel: "6.12".to_string(),
        },
        docker_info: json!({"Os": "linux", "RepoTags": ["a:latest"]}),
        custom_info: json!({"team": "x", "list": [1, 2.5, null, true]}),
    };
    let sign = if args[4] == "-" { None } else { Some(SignEnclaveInfo::new(&args[4], &args[5])?) };
    let flags = if args[1] == "aarch64" { EIF_HDR_ARCH_ARM64 } else { 0 };
    let mut builder = EifBuilder::new(Path::new(&args[2]), args[3].clone(), sign, Sha384::new(), flags, info);
    for ramdisk in &args[6..] {
        builder.add_ramdisk(Path::new(ramdisk));
    }
    let mut out = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&args[0])
        .map_err(|e| e.to_string())?;
    Ok(json!(builder.write_to(&mut out)))
}

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let said: Result<Vec<Value>, String> = match args[0].as_str() {
        "read" => args[1..].iter().map(|path| read(path)).collect(),
        _ => build(&args[1..]).map(|v| vec![v]),
    };
    match said {
        Ok(values) => values.iter().for_each(|v| println!("{v}")),
        Err(why) => {
            eprintln!("aws-eif: {why}");
            exit(1);
        }
    }
}
