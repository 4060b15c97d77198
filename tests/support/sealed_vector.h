/*
 * sealed_vector.h - one blob that another implementation made (PyNaCl), as docs/SECRETS.md has it: the operator's seed
 * is the bytes 0 to 31, the enclave's X25519 secret the bytes 32 to 63, the app "weather", the configuration's digest
 * that of "config", made_ms 1764000000000, and the content {"API_KEY":"vector"}.
 */
#ifndef NACRE_TESTS_SEALED_VECTOR_H
#define NACRE_TESTS_SEALED_VECTOR_H

static const char sealed_vector[] =
    "896e61637265207365616c65640d0a1a010000001c01000000e897b69a01000003a107bff3ce10be1d70dd18e74bc099"
    "67e4d6309ba50d5f1ddc8664125531b8358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254"
    "37d7a199fa800dbef1b994f0aeaaef95504f851f594b54a5f833fe2ec755767dd9623685cc33a2860f953d7d0ef95a38"
    "07776561746865720b2c644e115bdbd84fea9894e9f45fc8ed7f6c6598daf5b80410ddc8be83550d7bffdef462fda831"
    "ded4d30ce4cb9cb25ba6923b0e3b091f235445b1169109bff2b807dd1ea9e758fb922873ebb18d433e24e745cb3feeb6"
    "3d332a69f0078993da36e6a3f51eb840c16e212566888c86bfc82117ed30ed3a64030080b4b85ae240e7dc0b";

#endif
