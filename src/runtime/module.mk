libsallyport_a_SOURCES +=
