from penstock.metrics import *
