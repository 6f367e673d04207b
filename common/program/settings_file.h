/*
 * settings_file.h - the file in which an operator gives a program its settings.
 */
#ifndef PAYDESK_SETTINGS_FILE_H
#define PAYDESK_SETTINGS_FILE_H

#include <stdio.h>

#include "program/config.h"

/*
 * Writes the settings file of a fresh installation in the syntax of systemd's
 * EnvironmentFile: each setting of the SETTING_END-terminated list with what it
 * is, commented out with its default. Not commented out is what a fresh
 * installation needs, with the value that fits it.
 */
void settings_file(FILE *out, const char *program, const enum setting *used);

#endif
