"""The wire: HTTP, authentication, WS-Management and PSRP. It knows no Windows."""
