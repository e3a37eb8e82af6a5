/*
 * `sallyport explain': what the daemon would decide about a certificate and a
 * CONNECT, step by step, by the daemon's own code and files.
 */
#ifndef RUNTIME_EXPLAIN_H
#define RUNTIME_EXPLAIN_H

struct explain_options {
	const char *file; /* the configuration */
	const char *listener; /* its NAME; NULL = the first one */
	const char *cert; /* PEM or DER, leaf first; "none" = no certificate */
	const char
	    *connect; /* file with one CONNECT; NULL = a plain MQTT 5 one */
	const char *peer; /* the client's address; NULL = 127.0.0.1 */
	const char *sni; /* the server name it asks for; NULL = none */
};

/*
 * Prints every step and its outcome, and the packet the broker would get.
 * Returns the exit code: 0 admitted, 1 refused, 78 when a file is at fault.
 */
int explain_run(const struct explain_options *o);

#endif
