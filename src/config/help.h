/*
 * sallyport --help-config: every option, from the one list.
 */
#ifndef CONFIG_HELP_H
#define CONFIG_HELP_H

#include <stdio.h>

/*
 * Writes, for each option, "[section] key = default" and below it, indented,
 * its help, what it takes and when a change of it comes into force. The
 * checks of the manual and of etc/sallyport.ini read this form.
 */
void config_help_write(FILE *out);

#endif
