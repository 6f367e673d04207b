/*
 * value_check.h - what the values of settings must look like.
 *
 * Each returns what is wrong with a value, as the end of a sentence that begins
 * with the setting's name, or NULL when nothing is.
 */
#ifndef PAYDESK_VALUE_CHECK_H
#define PAYDESK_VALUE_CHECK_H

const char *value_check_whole_number(const char *value);
const char *value_check_days(const char *value);
const char *value_check_keep_days(const char *value);
const char *value_check_port(const char *value);
const char *value_check_boolean(const char *value);
const char *value_check_verified(const char *value);
const char *value_check_url(const char *value);
const char *value_check_site(const char *value);
const char *value_check_origins(const char *value);
const char *value_check_api_key(const char *value);
const char *value_check_webhook_secrets(const char *value);
const char *value_check_words(const char *value);
const char *value_check_token(const char *value);
const char *value_check_license_prefix(const char *value);
const char *value_check_sender(const char *value);
const char *value_check_smtp_url(const char *value);

#endif
