"""Libraries of molecules: read as a stream, embedded, screened, and chosen from."""
